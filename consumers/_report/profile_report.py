"""The report about a table, from its profile."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from .._table.column import Column, Value
from .._table.column_words import say_moment
from .document import (
    Bar,
    Bars,
    Block,
    Fact,
    Facts,
    Head,
    Histogram,
    Paragraph,
    Section,
    Table,
    bars_of,
    bounded,
    clean,
)
from .words import Words

COLUMNS_MAX = 200  # of a profile, as table_profile writes it
Count = Annotated[int, Meta(ge=0)]


class Profile(Struct, frozen=True, forbid_unknown_fields=True):
    """The profile.json that a table_profile saves."""

    rows: Count
    columns_total: Count
    delimiter: str
    columns: Annotated[list[Column], Meta(max_length=COLUMNS_MAX)]
    name: str = ""
    report: str | None = None
    profile: str | None = None
    parquet: str | None = None


class NoProfile(Exception):
    """A file is no profile of a table. The message says what to give instead."""


def read_profile(written: bytes) -> Profile:
    """Read a profile.

    Raises:
        NoProfile: The file has something else, or counts that cannot be.
    """
    try:
        profile = msgspec.json.decode(written, type=Profile)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise _wrong(str(error)) from error
    for column in profile.columns:
        if not _is_possible(column, profile.rows):
            raise _wrong(f"The counts of the column {clean(column.name, 60)!r} are not those of {profile.rows:,} rows")
    return profile


def _is_possible(column: Column, rows: int) -> bool:
    """Whether no more is counted of a column than it has, so that shares are from 0 to 1."""
    counted = [each.count for each in (*column.histogram, *column.periods)]
    present = rows - column.nulls
    return (
        0 <= column.nulls <= rows
        and all(0 <= count <= present for count in counted)
        and all(1 <= each.count <= present for each in column.frequent)
    )


def _wrong(why: str) -> NoProfile:
    return NoProfile(f"The file is no profile of a table: {why}. Give the profile.json that a table_profile has saved.")


def facts_of(profile: Profile, words: Words) -> list[Fact]:
    """Return what the title page says of the table."""
    shown = len(profile.columns)
    columns = words.count(profile.columns_total)
    if shown < profile.columns_total:
        columns += f", {words('of which the first {} are shown', words.count(shown))}"
    table = [Fact(words("Table"), clean(profile.name))] if profile.name else []
    return [*table, Fact(words("Rows"), words.count(profile.rows)), Fact(words("Columns"), columns)]


def sections_of(profile: Profile, words: Words) -> list[Section]:
    """Return the parts of the report: an overview, what is missing, and each column."""
    about = _Columns(profile.rows, words)
    return [
        Section(words("Overview"), about.overview(profile.columns)),
        Section(words("Missing values"), about.missing(profile.columns)),
        Section(words("Columns"), []),
        *(Section(about.name(each), about.describe(each), level=2, is_whole=True) for each in profile.columns),
    ]


class _Columns:
    """What is said of columns."""

    def __init__(self, rows: int, words: Words) -> None:
        self._rows = rows
        self._words = words

    def name(self, column: Column) -> str:
        return clean(column.name) or self._words("(no name)")

    def overview(self, columns: list[Column]) -> list[Block]:
        say = self._words
        heads = [
            Head(say("Column"), 2.2),
            Head(say("Type"), 1.7),
            Head(say("Missing"), 1.3, "right"),
            Head(say("Different"), 1.4, "right"),
            Head(say("From"), 2.2),
            Head(say("To"), 2.2),
            Head(say("Median"), 1.5, "right"),
        ]
        table = Table(heads, bounded(self._row(each) for each in columns))
        note = Paragraph(say("~ is an estimate."), is_note=True)
        return [table, note] if any(each.estimated for each in columns) else [table]

    def _row(self, column: Column) -> list[str]:
        about = "~" if column.estimated else ""
        median = None if column.quantiles is None else column.quantiles.p50
        return [
            self.name(column),
            self._words(column.type),
            self._words.share(column.nulls, self._rows),
            f"{about}{self._words.count(column.distinct)}",
            self._end(column, column.min),
            self._end(column, column.max),
            f"{about}{self._words.number(median)}" if median is not None else "",
        ]

    def missing(self, columns: list[Column]) -> list[Block]:
        gaps = [each for each in columns if each.nulls]
        if not gaps or not self._rows:
            return [Paragraph(self._words("No value is missing."))]
        bars = [
            Bar(
                clean(self.name(each), 60),
                each.nulls / self._rows,
                f"{self._words.count(each.nulls)} ({self._words.share(each.nulls, self._rows)})",
            )
            for each in gaps
        ]
        return [Bars(bars, "gap")]

    def describe(self, column: Column) -> list[Block]:
        return [Facts(self._facts(column)), *self._plot(column)]

    def _facts(self, column: Column) -> list[Fact]:
        say, about = self._words, "~" if column.estimated else ""
        facts = [
            Fact(say("Type"), say(column.type)),
            Fact(say("Missing"), self._with_share(column.nulls)),
            Fact(say("From"), self._end(column, column.min)),
            Fact(say("To"), self._end(column, column.max)),
            Fact(say("Different"), f"{about}{say.count(column.distinct)}"),
        ]
        if column.mean is not None:
            facts.append(Fact(say("Mean"), say.number(column.mean)))
        if (spread := column.quantiles) is not None:
            facts += [
                Fact(say("Median"), about + say.number(spread.p50)),
                Fact(say("Middle half"), about + say("{} to {}", say.number(spread.p25), say.number(spread.p75))),
                Fact(say("Middle 90 %"), about + say("{} to {}", say.number(spread.p05), say.number(spread.p95))),
            ]
        return [fact for fact in facts if fact.value]

    def _with_share(self, nulls: int) -> str:
        share = f" ({self._words.share(nulls, self._rows)})" if nulls and self._rows else ""
        return self._words.count(nulls) + share

    def _plot(self, column: Column) -> list[Block]:
        say, present = self._words, self._rows - column.nulls
        counts: list[Any] = [*column.histogram, *column.periods]
        if counts:
            bars = bars_of((("", each.count) for each in counts), (say.count(each.count) for each in counts))
            return [Histogram(bars, self._end(column, column.min), self._end(column, column.max))]
        if column.frequent:
            bars = [
                Bar(
                    clean(each.value, 60) or say("(empty)"),
                    each.count / present,
                    f"{say.count(each.count)} ({say.share(each.count, present)})",
                )
                for each in column.frequent
            ]
            return [Paragraph(say("Most frequent values"), is_note=True), Bars(bars)]
        if not present:
            return [Paragraph(say("There are no values."), is_note=True)]
        is_unique = column.distinct == present and not column.estimated
        why = "No value occurs twice." if is_unique else "There are too many different values for a plot."
        return [Paragraph(say(why), is_note=True)]

    def _end(self, column: Column, value: Value) -> str:
        return clean(
            say_moment(str(value)) if value is not None and column.type == "datetime" else self._words.value(value)
        )
