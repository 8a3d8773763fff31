"""Documents that a newer version may have written, read without what only that version knows.

What a request says is refused when it is not known, so that a slip is noticed. What is stored was checked by whoever has stored it:
during an upgrade, and after the way back, the older version goes by all that it does know.
"""

from __future__ import annotations

from typing import Any, TypeVar, cast

import msgspec
from msgspec import inspect

Document = TypeVar("Document")


def decode_known(document: str | bytes, of: type[Document]) -> Document:
    """Decode a stored document, passing over fields that this version does not know.

    Raises:
        msgspec.MsgspecError: It is no JSON, or a field that is known has another value than it may have.
    """
    return msgspec.convert(_known(msgspec.json.decode(document), inspect.type_info(of)), of)


def _known(value: object, of: inspect.Type) -> object:
    if isinstance(of, inspect.Metadata):
        return _known(value, of.type)
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    match of:
        case inspect.StructType():
            known = {field.encode_name: field.type for field in of.fields}
            return {name: _known(member, known[name]) for name, member in members.items() if name in known}
        case inspect.DictType():
            return {name: _known(member, of.value_type) for name, member in members.items()}
        case _:
            return members
