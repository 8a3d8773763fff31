"""Titles of tasks: what a list shows in place of an id. A title is one line of text, and never markup."""

from __future__ import annotations

import re
from typing import Final

import msgspec
from msgspec import Raw

from headrace.contracts.patterns import NOT_PRINTABLE

TITLE_CHARS_MAX: Final = 120  # characters; a row of a list is about as long
SHORT_ID_CHARS: Final = 12  # the end of an id, which is random, where its beginning is the time
_QUOTE: Final = ord('"')
_READ_CHARS: Final = 1000  # of a text, so that a text of a megabyte costs no more than a short one

_not_shown = re.compile(rf"[{NOT_PRINTABLE}\ud800-\udfff]")
_decode_properties = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_text = msgspec.json.Decoder(str).decode


def make_title(text: str) -> str | None:
    """Make a title of a text: its beginning on one line, without control characters; None when nothing is left of it."""
    if 0 < len(text) <= TITLE_CHARS_MAX and text.isprintable() and "  " not in text and text[0] != " " != text[-1]:
        # Of all spaces only the plain one is printable. Most texts are titles already.
        return text
    line = " ".join(text[:_READ_CHARS].split())
    if not line.isprintable():
        line = " ".join(_not_shown.sub("", line).split())
    return line[:TITLE_CHARS_MAX].rstrip() or None


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
