"""What is wrong with a JSON body that is not of its type, and at which of its names.

msgspec names no key of a mapping such as ``labels``: it says `$.labels[...]`. Whoever is refused should not have to look for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any, Final, cast, get_args

import msgspec

from headrace.contracts.problems import FieldError
from headrace.contracts.refused_values import explain

_OF_MAPPINGS: Final = ("[...]", "`key` in")  # in what msgspec says
_A_KEY: Final = "a name in it "


def explain_refused(error: Exception, body: bytes, of: Any) -> FieldError:
    """Return what is wrong with a body, and where.

    Args:
        error: Why it could not be decoded.
        body: The body.
        of: The type that was to be decoded.
    """
    said = str(error)
    wrong = explain(said, of)
    if not wrong.path or not any(each in said for each in _OF_MAPPINGS):
        return wrong
    *parents, name = wrong.path.removeprefix("/").split("/")
    # What stands behind the wrong place was not read yet, and may be no JSON.
    with suppress(msgspec.MsgspecError, ValueError, RecursionError):
        return _find_entry(msgspec.json.decode(body), parents, name, of, wrong) or wrong
    return wrong


def _find_entry(value: Any, parents: Sequence[str], name: str, of: Any, wrong: FieldError) -> FieldError | None:
    """Return what is wrong with the first entry of the mapping at a path that is refused by itself; None when none is."""
    for parent in parents:
        value, of = _inside(value, parent), _type_of_field(of, parent)
    entries, type_ = _inside(value, name), _type_of_field(of, name)
    if type_ is None or not isinstance(entries, dict):
        return None
    for key, entry in cast("dict[str, Any]", entries).items():
        try:
            msgspec.convert({key: entry}, type_)
        except msgspec.ValidationError as error:
            message = explain(str(error), type_).message.replace(_A_KEY, "this name ")
            return FieldError(path=f"{wrong.path}/{key.replace('~', '~0').replace('/', '~1')}", message=message)
    return None


def _inside(value: Any, name: str) -> Any:
    return cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None


def _type_of_field(of: Any, name: str) -> Any:
    """Return the type of a field of a Struct, which may also be null; None when there is no such field."""
    for each in (of, *get_args(of)):
        if isinstance(each, type) and issubclass(each, msgspec.Struct):
            return next((field.type for field in msgspec.structs.fields(each) if field.encode_name == name), None)
    return None
