"""What a report has in it. All of it is text that is set as it is; none of it is markup."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

CELL_CHARS_MAX = 600  # of one cell, a quarter of a page in the widest column
TABLE_ROWS_MAX = 2_000  # of one table, about 60 pages
TABLE_CHARS_MAX = 300_000  # of one table; a page of a table has 2,000 to 3,000
TITLE_CHARS_MAX = 200

Paper = Literal["a4", "us-letter"]
Align = Literal["left", "right"]


class Fact(Struct, frozen=True):
    """One thing that is known, with a name."""

    name: str
    value: str


class Head(Struct, frozen=True):
    """The head of a column of a table; ``share`` is how wide it is, in relation to the others."""

    name: str
    share: float = 1
    align: Align = "left"


class Paragraph(Struct, frozen=True, tag="paragraph"):
    """A paragraph; a ``note`` is smaller."""

    text: str
    is_note: bool = False


class Facts(Struct, frozen=True, tag="facts"):
    """Things that are known, one below the other."""

    facts: list[Fact]


class Table(Struct, frozen=True, tag="table"):
    """A table, whose head is repeated on every page."""

    heads: list[Head]
    rows: list[list[str]]


class Bar(Struct, frozen=True):
    """A bar; ``share`` is from 0 to 1, ``value`` stands beside it."""

    name: str
    share: float
    value: str


class Bars(Struct, frozen=True, tag="bars"):
    """Bars from left to right, one below the other; ``colour`` says what they count."""

    bars: list[Bar]
    colour: Literal["ink", "gap"] = "ink"


class Histogram(Struct, frozen=True, tag="histogram"):
    """Bars side by side, each with its count above it, and both ends below."""

    bars: list[Bar]
    lowest: str
    highest: str


Block = Paragraph | Facts | Table | Bars | Histogram


class Section(Struct, frozen=True):
    """A part of a report, of level 1 or 2; a section that is ``whole`` stays on one page."""

    title: str
    blocks: list[Block]
    level: int = 1
    is_whole: bool = False


class Document(Struct, frozen=True, kw_only=True):
    """A report: its title page, then its sections. ``author`` is whose it is; ``contents`` and ``page`` are words of its language."""

    title: str
    subtitle: str
    author: str
    facts: list[Fact]
    sections: list[Section]
    language: str
    paper: Paper
    contents: str
    page: str


def clean(text: str, chars_max: int = CELL_CHARS_MAX) -> str:
    """Return a text on one line, cut where it is too long, without characters that are not printed."""
    line = " ".join(text[: chars_max * 4].split())
    printed = "".join(each if each.isprintable() else "\ufffd" for each in line)
    return printed if len(printed) <= chars_max and len(text) <= chars_max * 4 else printed[: chars_max - 1] + "…"


def bounded(rows: Iterable[list[str]]) -> list[list[str]]:
    """Return as many rows, with clean cells, as a table may have."""
    found: list[list[str]] = []
    characters = 0
    for row in rows:
        cells = [clean(cell) for cell in row]
        characters += sum(map(len, cells))
        if len(found) == TABLE_ROWS_MAX or characters > TABLE_CHARS_MAX:
            break
        found.append(cells)
    return found


def bars_of(counts: Iterable[tuple[str, int]], said: Iterable[str]) -> list[Bar]:
    """Return bars of which the highest count fills the whole.

    Args:
        counts: What each is called, and its count.
        said: What stands beside each.
    """
    named = list(counts)
    highest = max((count for _, count in named), default=0) or 1
    return [Bar(clean(name, 60), count / highest, value) for (name, count), value in zip(named, said, strict=True)]
