"""The table of `headrace lag`, in the width that there is, and its hints below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from textwrap import fill
from typing import NamedTuple

from headrace.cli.terminal.output import format_table, output_width, table_width
from headrace.durations import span
from headrace.lag.rows import Row
from headrace.log import clock
from headrace.printable import printable

_NOTHING = ("", "-")


class Column(NamedTuple):
    """A column: its heading, what a row has there, and when it is left out of a table that is too wide: the highest first."""

    heading: str
    cell: Callable[[Row], str]
    left_out: int


def table(rows: Sequence[Row]) -> str:
    """Return the table and the hints, as lines for a terminal, whose words are printable."""
    width = output_width()
    columns = list(_COLUMNS)
    # A column that says nothing of any row is the first to be left out, and is not missed.
    dispensable = [column for column in columns if column.left_out]
    dispensable.sort(key=lambda column: (_is_empty(column, rows), column.left_out))
    while table_width(*_filled(columns, rows)) > width and dispensable:
        columns.remove(dispensable.pop())
    lines = [format_table(*_filled(columns, rows))]
    below = [f"{_name(row)}: {row.hint}" for row in rows if row.hint]
    if missing := [
        each.heading.removeprefix("#") for each in _COLUMNS if each not in columns and not _is_empty(each, rows)
    ]:
        below += [f"not shown in {width} columns: {', '.join(missing)}; --json has everything"]
    return "\n".join(
        [*lines, *(["", *(fill(printable(each), width, subsequent_indent="    ") for each in below)] if below else [])]
    )


def _filled(columns: Sequence[Column], rows: Sequence[Row]) -> tuple[list[str], list[list[str]]]:
    return [column.heading for column in columns], [[column.cell(row) for column in columns] for row in rows]


def _is_empty(column: Column, rows: Sequence[Row]) -> bool:
    return all(column.cell(row) in _NOTHING for row in rows)


def _name(row: Row) -> str:
    return f"{row.name} {row.priority}" if row.priority else row.name


def _seconds(seconds: float | None) -> str:
    return "" if seconds is None else span(seconds)


def _deferred(row: Row) -> str:
    return "-" if row.deferred is None else f"{row.deferred:,}{'' if row.deferred_is_complete else '+'}"


def _next_due(due_at: datetime | None) -> str:
    if due_at is None:
        return ""
    seconds = (due_at - clock.now()).total_seconds()
    return f"in {span(seconds)}" if seconds > 0 else "now"


def _announced(row: Row) -> str:
    if row.of != "kind":
        return "-"
    return "?" if row.announced_seconds is None else f"{span(max(row.announced_seconds, 0.0))} ago"


def _pair(p50: float | None, p95: float | None) -> str:
    return "-" if p50 is None or p95 is None else f"{span(p50)} / {span(p95)}"


_CELLS: Sequence[tuple[str, Callable[[Row], str], int]] = (
    ("kind", _name, 0),
    ("state", lambda row: row.state or "ok", 0),
    ("#queued", lambda row: f"{row.queued:,}", 0),
    ("#oldest", lambda row: _seconds(row.oldest_queued_seconds), 0),
    ("#running", lambda row: f"{row.running:,}", 0),
    ("#again", lambda row: f"{row.redelivered:,}", 4),
    ("#pulls", lambda row: f"{row.pulls:,}", 3),
    ("workers seen", _announced, 0),
    ("#deferred", _deferred, 1),
    ("next due", lambda row: _next_due(row.next_due_at), 2),
    ("wait p50 / p95", lambda row: _pair(row.wait_p50_seconds, row.wait_p95_seconds), 5),
    ("run p50 / p95", lambda row: _pair(row.run_p50_seconds, row.run_p95_seconds), 6),
)

_COLUMNS = tuple(Column(*each) for each in _CELLS)
