"""The queries about activity: what happened in each step of a span, and lately by kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any, NamedTuple, TypeVar

import msgspec
from msgspec import Struct
from sqlalchemy import BindParameter, ColumnElement, Select, bindparam, func, literal, select

from headrace.contracts.activity import Activity, ActivityCounts, ActivityPoint, Percentiles
from headrace.contracts.positions import Position
from headrace.store.activity_statements import EPOCH
from headrace.store.histograms import BUCKETS, mean, percentiles
from headrace.store.snapshot import Reads
from headrace.store.tables import COUNTERS, COUNTS, EVERYBODY, RUNS, activity

_SUMS = [func.sum(activity.c[name]).label(name) for name in COUNTERS]
_SHARES = (0.5, 0.95, 0.99)
_NOTHING = [0] * len(COUNTERS)

Counted = TypeVar("Counted", bound=Struct)


class Span(NamedTuple):
    """A span of time in steps. Both ends are the begin of a step; steps are counted from 1970 on, in UTC."""

    begin: datetime
    end: datetime
    step: timedelta

    @classmethod
    def around(cls, since: datetime, until: datetime, step: timedelta) -> Span:
        """Return the shortest span of whole steps that has everything between two times."""
        last = until - timedelta.resolution
        return cls(_step_of(since, step), _step_of(max(since, last), step) + step, step)

    @property
    def steps(self) -> int:
        """How many steps the span has."""
        return (self.end - self.begin) // self.step


class Ends(NamedTuple):
    """How many tasks of a kind succeeded and failed in a minute."""

    succeeded: int
    failed: int


def _step_of(at: datetime, step: timedelta) -> datetime:
    """Return the begin of the step that has a time."""
    return at - (at - EPOCH) % step


async def read_activity(session: Reads, owner: str, kind: str | None, span: Span, position: Position) -> Activity:
    """Read what happened to an owner's tasks, of one kind or of all, in each step of a span.

    Steps of less than an hour are only there for as long as minutes are kept, see
    `headrace.store.activity_statements.MINUTES_KEPT`.
    """
    asked = {"owner": owner, "since": span.begin, "until": span.end, "step": span.step}
    if kind is not None:
        asked["kind"] = kind
    rows = (await session.execute(_select_steps(frozenset(asked)), asked)).all()
    counted = {row[0]: row[1:] for row in rows}
    times = (span.begin + number * span.step for number in range(span.steps))
    # In most steps of most charts nothing happens.
    nothing = to_counts(ActivityPoint, _NOTHING, at=span.begin)
    return Activity(
        begin=span.begin,
        end=span.end,
        step=round(span.step.total_seconds()),
        points=[
            to_counts(ActivityPoint, counted[at], at=at) if at in counted else msgspec.structs.replace(nothing, at=at)
            for at in times
        ],
        total=to_counts(ActivityCounts, [sum(column) for column in zip(*counted.values(), strict=True)] or _NOTHING),
        position=str(position),
    )


async def read_ends(session: Reads, owner: str, since: datetime) -> dict[tuple[str, datetime], Ends]:
    """Read how many tasks ended in each minute since a time, by kind and minute; those in which none did are left out."""
    rows = await session.execute(_SELECT_ENDS, {"owner": owner, "since": since})
    return {(row[0], row[1]): Ends(row[2], row[3]) for row in rows}


async def read_kinds_since(session: Reads, since: datetime) -> dict[str, ActivityCounts]:
    """Read what happened to the tasks of all owners since the begin of a minute, by kind.

    A minute that was added to its hour is no longer there, so ``since`` is within the time for which minutes are kept.
    """
    rows = await session.execute(_SELECT_KINDS, {"since": since})
    return {row[0]: to_counts(ActivityCounts, row[1:]) for row in rows}


class KindPace(NamedTuple):
    """How fast the tasks of a kind went lately, those of all owners together.

    Attributes:
        saturated_starts: Starts since the second of the two times that it was read for.
        runs: Runs that ended since the first, of which it is known how long they took.
        mean_run_seconds: How long these took; None when there are none.
    """

    saturated_starts: int
    runs: int
    mean_run_seconds: float | None


async def read_pace(session: Reads, kind: str, since: datetime, saturated_since: datetime) -> KindPace:
    """Read how fast the tasks of a kind went. Both times are the begin of a minute, and minutes are kept since the first."""
    asked = {"kind": kind, "since": since, "saturated_since": saturated_since}
    starts, *runs = (await session.execute(_SELECT_PACE, asked)).one()
    return KindPace(starts, sum(runs), mean(runs))


@cache
def _select_steps(asked: frozenset[str]) -> Select[Any]:
    """Build the query, once for each set of parameters."""
    of: Mapping[str, BindParameter[Any]] = {name: bindparam(name) for name in asked}
    columns = activity.c
    begin = func.date_bin(of["step"], columns.at, literal(EPOCH))
    conditions: list[ColumnElement[bool]] = [
        columns.owner == of["owner"],
        columns.at >= of["since"],
        columns.at < of["until"],
    ]
    if "kind" in of:
        conditions.append(columns.kind == of["kind"])
    return select(begin.label("begin"), *_SUMS).where(*conditions).group_by("begin")


_SELECT_ENDS = select(activity.c.kind, activity.c.at, activity.c.succeeded, activity.c.failed).where(
    activity.c.owner == bindparam("owner"),
    activity.c.at >= bindparam("since"),
    activity.c.minutes == 1,
    activity.c.succeeded + activity.c.failed > 0,
)
_SELECT_KINDS = (
    select(activity.c.kind, *_SUMS)
    .where(activity.c.owner == EVERYBODY, activity.c.at >= bindparam("since"), activity.c.minutes == 1)
    .group_by(activity.c.kind)
)


_SELECT_PACE = select(
    func.coalesce(func.sum(activity.c.started).filter(activity.c.at >= bindparam("saturated_since")), 0),
    *(func.coalesce(func.sum(activity.c[name]), 0) for name in RUNS),
).where(
    activity.c.owner == EVERYBODY,
    activity.c.kind == bindparam("kind"),
    activity.c.minutes == 1,
    activity.c.at >= bindparam("since"),
)


def to_counts(contract: type[Counted], counters: Sequence[int], **more: object) -> Counted:
    """Build what clients see of the counters of a span, which are in the order of `COUNTERS`."""
    counts = dict(zip(COUNTS, counters, strict=False))
    waits, runs = counters[len(COUNTS) : -BUCKETS], counters[-BUCKETS:]
    return contract(**counts, wait=_percentiles(waits), run=_percentiles(runs), **more)


def _percentiles(counts: Sequence[int]) -> Percentiles:
    p50, p95, p99 = percentiles(counts, _SHARES)
    return Percentiles(p50=p50, p95=p95, p99=p99)
