"""The words by which tasks are found: those of the title, and the end of the id. Words are what marks and spaces separate.

Postgres' own parser is not used: it takes `report-2026.pdf` for one word, and `4e9b` for a number and a letter.
"""

from __future__ import annotations

import string
from typing import Final, NamedTuple

# The marks of ASCII, and those that texts have for quotations, dashes and an ellipsis. The function has them, too.
MARKS: Final = string.punctuation + "\xab\xb7\xbb\u2013\u2014\u2018\u2019\u201c\u201d\u201e\u2026"
# A function that migration 0019 makes. The index of words depends on it, so it is changed together with that.
TITLE_WORDS: Final = "title_words(owner, title, id)"

# Of one search. Postgres keeps so many regular expressions of a connection ready, and a few of others beside them.
PATTERNS_MAX: Final = 16

_as_spaces = str.maketrans(MARKS, " " * len(MARKS))
_SEPARATOR: Final = f"[ {''.join(chr(92) + mark if mark in '[]^-' + chr(92) else mark for mark in MARKS)}]"


class SearchedWords(NamedTuple):
    """What is searched for.

    Attributes:
        query: The words as Postgres reads a `tsquery`: all of them, the last one as the beginning of a word.
        longest: One of the words, of which few titles have a part.
        patterns: The same as regular expressions, all of which a text has to match. To look for these takes a tenth of the time of
            taking the text apart. None for more words than `PATTERNS_MAX`.
    """

    query: str
    longest: str
    patterns: list[str] | None


def words_of(text: str) -> list[str]:
    """Return the words of a text, as they are written."""
    return text.translate(_as_spaces).split()


def searched_words(text: str) -> SearchedWords | None:
    """Return what a text searches for; None when it has no word."""
    words = words_of(text)
    if not words:
        return None
    # No word has a quote, a backslash or a mark that a regular expression reads as something else: these separate words.
    patterns = [f"(^|{_SEPARATOR}){word}({_SEPARATOR}|$)" for word in words[:-1]] + [f"(^|{_SEPARATOR}){words[-1]}"]
    return SearchedWords(
        query=" & ".join(f"'{word}'" for word in words) + ":*",
        longest=max(words, key=len),
        patterns=patterns if len(patterns) <= PATTERNS_MAX else None,
    )


def with_owner(query: str, owner: str) -> str:
    """Return a query of the words in the tasks of an owner, whose id is among them. No word begins as that does."""
    return f"'@{owner}' & {query}"
