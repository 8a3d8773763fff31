"""Reading settings from environment variables, and saying what is wrong with them without showing a secret."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, TypeVar, cast, get_type_hints

import msgspec
from msgspec import Struct

from headrace.contracts.refused_values import explain
from headrace.settings.addresses import wrong_networks, wrong_ports
from headrace.settings.secret_files import FILE_SUFFIX, SECRETS, SecretFileError, read_secret, unreadable

PREFIX = "HEADRACE_"

S = TypeVar("S", bound=Struct)


class SettingsError(Exception):
    """One or more variables have values that cannot be used. The message names all of them.

    Attributes:
        wrong: A sentence about each of them.
        usable: The settings, with the defaults in their places; a `headrace.settings.Settings`.
    """

    def __init__(self, wrong: list[str], usable: Struct) -> None:
        super().__init__("these settings cannot be used:\n" + "\n".join(f"  {line}" for line in wrong))
        self.wrong = wrong
        self.usable = usable


def read_struct(of: type[S], prefix: str, environ: Mapping[str, str], wrong: list[str]) -> S:
    """Read a section and those in it. An empty value counts as not set.

    Args:
        of: The section.
        prefix: What the names of its variables begin with.
        environ: The environment.
        wrong: Gets a sentence for each variable that cannot be used. The section then has the default.
    """
    values: dict[str, Any] = {}
    hints: dict[str, Any] = get_type_hints(of, include_extras=True)
    for name, type_ in hints.items():
        variable = prefix + name.upper()
        if isinstance(type_, type) and issubclass(type_, Struct):
            values[name] = read_struct(type_, variable + "_", environ, wrong)
            continue
        try:
            given = read_secret(environ, variable) if name in SECRETS else environ.get(variable)
        except SecretFileError as error:
            wrong.append(str(error))
            continue
        if given:
            values |= _convert(name, cast("object", type_), variable, given, wrong)
    return of(**values)


def _convert(name: str, type_: object, variable: str, given: str, wrong: list[str]) -> dict[str, Any]:
    shown = f"{variable}={'(hidden)' if name in SECRETS else repr(given[:80])}"
    try:
        value = msgspec.convert(given, cast("Any", type_), strict=False)
    except msgspec.ValidationError as error:
        wrong.append(f"{shown}: {explain(str(error), type_).message}")
        return {}
    wrong += [f"{shown}: there is no port {port}" for port in wrong_ports(name, given)]
    wrong += [f"{shown}: {why}" for why in unreadable(name, given)]
    wrong += [f"{shown}: {each!r} is neither an address nor a network" for each in wrong_networks(name, given)]
    return {name: value}


def variables(of: type[Struct], prefix: str = PREFIX) -> Iterator[str]:
    """Every variable that a section and those in it are read from, also those that name the file of a secret."""
    for name, type_ in get_type_hints(of).items():
        if isinstance(type_, type) and issubclass(type_, Struct):
            yield from variables(type_, f"{prefix}{name.upper()}_")
            continue
        yield prefix + name.upper()
        if name in SECRETS:
            yield prefix + name.upper() + FILE_SUFFIX
