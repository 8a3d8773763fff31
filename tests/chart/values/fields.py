"""Walking through the values: each field with its name, its meaning and its default, in the order in which people read them."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any, NamedTuple, get_args, get_type_hints

import msgspec
from msgspec import Meta, Struct


class Field(NamedTuple):
    """A value of a section.

    Attributes:
        name: Its key.
        path: Where it is, as `api.service.port`.
        meaning: What it is, in a sentence.
        default: What stands in `values.yaml`, as JSON has it.
        section: The Struct of its fields, when it is a section with fields of its own.
        home: The Struct that declares it, which may be one that several sections have in common.
        is_optional: Whether it may be null.
    """

    name: str
    path: str
    meaning: str
    default: Any
    section: type[Struct] | None
    home: type[Struct]
    is_optional: bool


def fields_of(section: type[Struct], default: Struct | None = None, path: str = "") -> Iterator[Field]:
    """Yield the fields of a section: those that it declares itself first, then those that it has in common with others.

    What has no default, because it is left out unless somebody gives it, is not among them.
    """
    value = section() if default is None else default
    hints = get_type_hints(section, include_extras=True)
    by_name = {each.name: each for each in msgspec.structs.fields(section)}
    for name, home in _homes(section):
        given = getattr(value, name)
        if given is msgspec.UNSET:
            continue
        key = by_name[name].encode_name
        yield Field(
            key,
            f"{path}{key}",
            _meaning(section, name, hints[name]),
            msgspec.to_builtins(given),
            type(given) if isinstance(given, Struct) and msgspec.to_builtins(given) else None,
            home,
            type(None) in get_args(get_args(hints[name])[0]),
        )


def attribute_of(value: Struct, field: Field) -> str:
    """Return what the field of a section is called in Python."""
    return value.__struct_fields__[value.__struct_encode_fields__.index(field.name)]


def _homes(section: type[Struct]) -> Iterator[tuple[str, type[Struct]]]:
    seen: set[str] = set()
    for home in section.__mro__:
        for name in inspect.get_annotations(home):
            if name in section.__struct_fields__ and name not in seen:
                seen.add(name)
                yield name, home


def _meaning(section: type[Struct], name: str, hint: Any) -> str:
    said = [each.description for each in get_args(hint)[1:] if isinstance(each, Meta) and each.description]
    if not said:
        raise ValueError(f"{section.__name__}.{name} has no description")
    return said[-1]
