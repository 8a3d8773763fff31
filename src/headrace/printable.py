"""Show text of others on a terminal: each character that would do something there is written as an escape.

Control characters move the cursor, change the title or fill the clipboard; bidirectional marks and line separators make a line
read as another one. Every text that reaches a terminal passes here: lines of logs, output of `headrace up`, answers of the API.
"""

from __future__ import annotations

import os
import re
import unicodedata
from typing import TextIO

# Joiners, which emoji and several scripts need, and spaces of other widths: they do nothing but join or separate.
_HARMLESS = frozenset("\u200c\u200d")
_SPACE = "Zs"

_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_NOT_ASCII_TEXT = re.compile(r"[^ -~]")


def printable(text: str) -> str:
    r"""Write a text for one line of a terminal; a line break becomes ``\n``, the beginning of a sequence ``\x1b``."""
    return text if text.isprintable() else _NOT_ASCII_TEXT.sub(_escape, text)


def printable_lines(text: str) -> str:
    """Write a text of several lines for a terminal: as `printable`, with its line breaks and tabs."""
    if text.isprintable():
        return text
    lines = text.replace("\r\n", "\n").split("\n")
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in lines)


def printable_json(text: str) -> str:
    """Write JSON for a terminal, as JSON that says the same. Its strings are escaped, its line breaks stay."""
    if text.isprintable():
        return text
    return "\n".join(
        line if line.isprintable() else _NOT_ASCII_TEXT.sub(_escape_json, line) for line in text.split("\n")
    )


def ascii_json(text: str) -> str:
    """Write JSON in ASCII, as JSON that says the same: for an output that has not all letters."""
    return _NOT_ASCII.sub(lambda found: _json_escape(found[0]), text)


def has_colours(output: TextIO) -> bool:
    """Tell whether an output is a terminal that shows colours, to a person who wants them (https://no-color.org)."""
    return output.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def _is_harmless(character: str) -> bool:
    return character.isprintable() or character in _HARMLESS or unicodedata.category(character) == _SPACE


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if _is_harmless(character):
        return character
    return character.encode("unicode_escape").decode()


def _escape_json(found: re.Match[str]) -> str:
    return found[0] if _is_harmless(found[0]) else _json_escape(found[0])


def _json_escape(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
