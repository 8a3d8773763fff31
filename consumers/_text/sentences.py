"""Split a text into paragraphs, sentences and words that keep their offsets in the text."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import groupby
from typing import Literal, NamedTuple

Language = Literal["de", "en", "es", "fr", "it", "nl", "pt"]

# Letters and digits with their accents, soft hyphens, inner apostrophes and decimal marks: naïve, don't, 3.14
WORD = re.compile(r"[^\W_](?:[^\W_]|[\u0300-\u036f\u00ad]|['\u2019](?=[^\W_])|(?<=\d)[.,](?=\d))*")
# Addresses, file names, identifiers and markup: no dictionary has them.
NOT_PROSE = re.compile(r"://|[^\W\d]\w\.\w|[^\W\d]\.\w\w|[a-z][A-Z]|[@#_=<>{}|\\`]|^(?:[~/]|--|www\.)")
PUNCTUATION = ".,;:!?…\"'“”\u2018\u2019«»()[]"
# The items of a list often have no full stop. Each item is a sentence nevertheless.
LIST_ITEM = re.compile(r"[\r\n]+(?=[ \t]*(?:[-*•]|\d{1,3}[.)])[ \t])")


# A fence of code as Markdown has it (CommonMark 0.31, section 4.5), also in a list or a quotation.
FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,3}[.)])[ \t]+)?(?P<marks>`{3,}(?=[^`]*$)|~{3,})(?P<info>.*)", re.DOTALL)

LOWER, UPPER = "a-zß-öø-ÿœ", "A-ZÀ-ÖØ-ÞŒ"
# Sentences without a space between them: went up.You can
GLUED = re.compile(rf"[{LOWER}{UPPER}'\u2019-]*[{LOWER}]{{2}}(?:[.!?]+[{UPPER}][{LOWER}'\u2019-]*)+")
GLUE = re.compile(rf"(?<=[{LOWER}]{{2}}[.!?])(?=[{UPPER}])")
# Titles and abbreviations before a name, and the ends of names of files and domains, which some write with a capital.
NOT_BEFORE_GLUE = frozenset(
    [
        "approx",
        "capt",
        "esp",
        "etc",
        "fig",
        "gen",
        "gov",
        "hon",
        "inc",
        "jun",
        "lieut",
        "ltd",
        "messrs",
        "mme",
        "mmes",
        "mrs",
        "prof",
        "rev",
        "sen",
        "sgt",
        "sra",
    ]
)
NOT_AFTER_GLUE = frozenset(
    [
        "app",
        "com",
        "css",
        "csv",
        "de",
        "dev",
        "doc",
        "docx",
        "edu",
        "exe",
        "gov",
        "html",
        "io",
        "java",
        "jpg",
        "js",
        "json",
        "md",
        "net",
        "org",
        "pdf",
        "png",
        "py",
        "ts",
        "txt",
        "uk",
        "xml",
        "zip",
    ]
)


class Paragraph(NamedTuple):
    """A part of the text between blank lines; ``start`` is its offset in code points."""

    start: int
    text: str


class Word(NamedTuple):
    """A word between two offsets.

    Attributes:
        start: Offset of its first code point.
        end: Offset after its last code point.
        text: The word as a dictionary has it: composed, with straight apostrophes, without soft hyphens.
    """

    start: int
    end: int
    text: str


class Sentence(NamedTuple):
    """A sentence between two offsets, with at least one word."""

    start: int
    end: int
    words: list[Word]


def split_paragraphs(text: str) -> list[Paragraph]:
    """Split a text at its blank lines and at fenced code, which is no prose."""
    paragraphs: list[Paragraph] = []
    start = 0
    for blank, lines in groupby(_lines_without_code(text), key=str.isspace):
        paragraph = "".join(lines)
        if not blank:
            paragraphs.append(Paragraph(start, paragraph))
        start += len(paragraph)
    return paragraphs


def split_sentences(paragraph: Paragraph, language: Language) -> Iterator[Sentence]:
    """Give the sentences of a paragraph that have words; addresses and code count as no words."""
    # Loaded at the first text, so that an idle worker does not hold the library in memory.
    from simplemma import split_sentences as split

    prose = re.sub(r"\S+", _hide_unless_prose, paragraph.text)
    start = 0
    for piece in _pieces(prose):
        for sentence in split(piece, language):
            start = prose.index(sentence, start)
            end = start + len(sentence)
            if words := _words(prose, start, end, paragraph.start):
                yield Sentence(paragraph.start + start, paragraph.start + end, words)
            start = end


def _lines_without_code(text: str) -> Iterator[str]:
    """Give the lines of a text, those of fenced code as blank lines; a fence that is never closed ends with the text."""
    opened = ""
    for line in text.splitlines(keepends=True):
        fence = FENCE.match(line.rstrip())
        if not opened and fence is None:
            yield line
            continue
        yield "".join(character if character.isspace() else " " for character in line)
        if fence is None:
            continue
        if not opened:
            opened = fence["marks"]
        elif fence["marks"].startswith(opened) and not fence["info"]:
            opened = ""


def _pieces(prose: str) -> Iterator[str]:
    """Split a paragraph where a sentence ends for certain: before an item of a list, and where the space is missing."""
    for item in LIST_ITEM.split(prose):
        yield from GLUE.split(item)


def _is_glued(core: str) -> bool:
    if not GLUED.fullmatch(core):
        return False
    first, *others = re.split(r"[.!?]+", core.lower())
    return first not in NOT_BEFORE_GLUE and NOT_AFTER_GLUE.isdisjoint(others)


def _hide_unless_prose(chunk: re.Match[str]) -> str:
    """Replace what is not prose by as many underscores, so that the offsets of the rest stay right."""
    core = chunk[0].strip(PUNCTUATION)
    is_prose = not core or _is_glued(core) or not (NOT_PROSE.search(core) or "()" in chunk[0])
    return chunk[0] if is_prose else chunk[0].replace(core, "_" * len(core))


def _words(prose: str, start: int, end: int, offset: int) -> list[Word]:
    return [
        Word(offset + word.start(), offset + word.end(), _as_in_dictionary(word[0]))
        for word in WORD.finditer(prose, start, end)
    ]


def _as_in_dictionary(word: str) -> str:
    return unicodedata.normalize("NFKC", word).replace("\u2019", "'").replace("\u00ad", "")
