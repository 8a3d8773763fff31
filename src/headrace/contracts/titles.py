"""Titles of tasks: what a list shows in place of an id. A title is one line of text, and never markup."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping
from itertools import islice
from types import MappingProxyType
from typing import Any, Final, cast

import msgspec
from msgspec import Raw

from headrace.contracts.normal_form import to_nfc
from headrace.contracts.patterns import NOT_PRINTABLE

TITLE_CHARS_MAX: Final = 120  # characters; a row of a list is about as long
SHORT_ID_CHARS: Final = 12  # the end of an id, which is random, where its beginning is the time
TITLE_KEYWORD: Final = "x-title"
"""The keyword of a JSON Schema for the property of an input that is its title."""

_QUOTE: Final = ord('"')
_READ_CHARS: Final = 400  # of a text, so that a text of a megabyte costs no more than a short one: 4 µs
_READ_PROPERTIES: Final = 32  # of an input, so that a thousand of them cost no more

_DEFINITIONS: Final = "#/$defs/"
_NO_NAMES: Final[Mapping[str, str]] = MappingProxyType({})

_not_shown = re.compile(rf"[{NOT_PRINTABLE}\ud800-\udfff]")
_decode_properties = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode


def make_title(text: str) -> str | None:
    """Make a title of a text: its beginning on one line, without control characters, in NFC; None when nothing is left of it."""
    if 0 < len(text) <= TITLE_CHARS_MAX and text.isprintable() and "  " not in text and text[0] != " " != text[-1]:
        # Of all spaces only the plain one is printable. Most texts are titles already.
        return text if text.isascii() else to_nfc(text)[:TITLE_CHARS_MAX].rstrip()
    line = " ".join(text[:_READ_CHARS].split())
    if not line.isprintable():
        line = " ".join(_not_shown.sub("", line).split())
        if not any(each.isprintable() and each != " " for each in line[:TITLE_CHARS_MAX]):
            # Nothing of it can be seen, as of a zero-width space.
            return None
    return to_nfc(line)[:TITLE_CHARS_MAX].rstrip() or None


def marked_properties(schema: Mapping[str, Any]) -> list[str]:
    """Return the names of the properties that the JSON Schema of an input marks as its title, in the order of the schema."""
    found = _follow_reference(schema, schema)
    properties = found.get("properties")
    if not isinstance(properties, dict):
        return []
    return [name for name, part in cast("dict[str, Any]", properties).items() if _is_marked(part, schema)]


def choose_title(
    value: Mapping[str, Any], marked: str | None, files: Container[str] = (), names: Mapping[str, str] = _NO_NAMES
) -> str | None:
    """Make a title of the marked property of an input, else of the first of its properties that is a text; None when none can be made.

    Args:
        value: The input.
        marked: The name of the property that is the title; None for none.
        files: The names of the properties that are files. The id of a file is no title; its name is.
        names: The names of files by their ids.
    """
    if marked is not None and isinstance(text := value.get(marked), str) and (title := make_title(text)) is not None:
        return title
    for name, each in islice(value.items(), _READ_PROPERTIES):
        if not isinstance(each, str):
            continue
        text = each if name not in files else names.get(each, "")
        if (title := make_title(text)) is not None:
            return title
    return None


def title_of_input(value: bytes | Raw) -> str | None:
    """Make a title of the first property of an input that is a text, in the order of the JSON; None when no title can be made."""
    try:
        properties = _decode_properties(value)
    except msgspec.DecodeError:
        return None
    for raw in properties.values():
        if memoryview(raw)[0] == _QUOTE and (title := _title_of_text(raw)) is not None:
            return title
    return None


def short_id(task: str) -> str:
    """Return the end of an id, which tells the tasks of a day apart."""
    return task[-SHORT_ID_CHARS:]


def _title_of_text(raw: Raw) -> str | None:
    try:
        return make_title(_decode_text(raw))
    except msgspec.DecodeError:
        return None


def _is_marked(part: Any, schema: Mapping[str, Any]) -> bool:
    if not isinstance(part, dict):
        return False
    found = cast("dict[str, Any]", part)
    return any(each.get(TITLE_KEYWORD) is True for each in (found, *_alternatives(found, schema)))


def _alternatives(part: dict[str, Any], schema: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Yield what a property is that may also be null, and what it refers to."""
    for each in (part, *cast("list[Any]", part.get("anyOf") or ())):
        if isinstance(each, dict):
            yield _follow_reference(cast("dict[str, Any]", each), schema)


def _follow_reference(part: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a part of a schema refers to among its definitions; the part itself when it refers to nothing there."""
    name = str(part.get("$ref", "")).removeprefix(_DEFINITIONS)
    found = cast("dict[str, Any]", schema.get("$defs") or {}).get(name)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else part
