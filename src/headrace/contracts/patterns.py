"""Patterns of texts, each with what a text is that matches it: nobody who is refused should have to read a regular expression."""

from __future__ import annotations

import re
from typing import Final

_MEANINGS: Final[dict[str, str]] = {}


def pattern_of(meaning: str, pattern: str) -> str:
    """Return a pattern, and remember what a text is that matches it, as ``an email address, such as ann@example.com``.

    Raises:
        ValueError: The same pattern has another meaning.
    """
    if _MEANINGS.setdefault(pattern, meaning) != meaning:
        raise ValueError(f"{pattern!r} means {_MEANINGS[pattern]!r} already")
    return pattern


def meaning_of(pattern: str) -> str | None:
    """Return what a text is that matches a pattern; None when nobody has said it."""
    return _MEANINGS.get(pattern)


# The end of each pattern refuses a line break, because Python's $ also matches before one.
WORD_PATTERN = pattern_of("made of 1 to 64 letters, digits, - and _", r"^[A-Za-z0-9_-]{1,64}$(?!\n)")
VISIBLE_PATTERN = pattern_of("made of visible ASCII characters, without spaces", r"^[!-~]+$(?!\n)")
# In a set of characters: control characters, line separators, and what turns the direction of the text around it.
NOT_PRINTABLE = r"\x00-\x1f\x7f-\x9f\u061c\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069"
PRINTABLE_PATTERN = pattern_of("one line of printable characters", rf"^[^{NOT_PRINTABLE}]*$(?!\n)")
# Postgres takes no text with this character, whatever it is compared with.
NO_NUL_PATTERN = pattern_of("a text without NUL characters", r"^[^\x00]*$(?!\n)")
is_printable = re.compile(PRINTABLE_PATTERN).fullmatch
