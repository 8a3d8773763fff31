"""The words by which tasks are found: those of the title, and the end of the id. Words are what marks and spaces separate.

Postgres' own parser is not used: it takes `report-2026.pdf` for one word, and `4e9b` for a number and a letter.
"""

from __future__ import annotations

import string
from typing import Final, NamedTuple

# The marks of ASCII, and those that texts have for quotations, dashes and an ellipsis. The function has them, too.
MARKS: Final = string.punctuation + "\xab\xb7\xbb\u2013\u2014\u2018\u2019\u201c\u201d\u201e\u2026"
# A function that migration 0014 makes. The index of words depends on it, so it is changed together with that.
TITLE_WORDS: Final = "title_words(title, id)"

_as_spaces = str.maketrans(MARKS, " " * len(MARKS))


class SearchedWords(NamedTuple):
    """What is searched for.

    Attributes:
        query: The words as Postgres reads a `tsquery`: all of them, the last one as the beginning of a word.
        longest: One of the words, of which few titles have a part.
    """

    query: str
    longest: str


def words_of(text: str) -> list[str]:
    """Return the words of a text, as they are written."""
    return text.translate(_as_spaces).split()


def searched_words(text: str) -> SearchedWords | None:
    """Return what a text searches for; None when it has no word."""
    words = words_of(text)
    if not words:
        return None
    # No word has a quote or a backslash: these are marks.
    return SearchedWords(" & ".join(f"'{word}'" for word in words) + ":*", max(words, key=len))
