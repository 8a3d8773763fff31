"""What screens show first of an owner's tasks, read in one statement: most of the time of a small statement is its way there and back.

`EVERYBODY` in place of an owner means all owners.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import NamedTuple

from sqlalchemy import TextClause, text

from headrace.contracts.activity import ActivityCounts
from headrace.contracts.counts import OwnerCounts
from headrace.store.activity import Ends, to_counts
from headrace.store.count_rows import counts_by_owner
from headrace.store.snapshot import Reads
from headrace.store.tables import COUNTERS, COUNTS, EVERYBODY, RUNS

COUNTED_MAX = 1_000  # tasks that are late or expire; a person acts alike on more
LATE_OF_ALL_MAX = 250  # tasks of all owners that are late: each of them is read, because no index has their state

# Waits of a day are not shown of one owner, and a busy one has thousands of minutes to add up.
_OF_OWNER = (*COUNTS, *RUNS)


class Times(NamedTuple):
    """What is read.

    Attributes:
        since: What happened from this minute on is added up.
        minutes_since: What ended from this minute on is told by the minute.
        late_before: Tasks that are queued and were created before this are late.
        expiring_before: Tasks that wait and expire before this expire soon.
    """

    since: datetime
    minutes_since: datetime
    late_before: datetime
    expiring_before: datetime


class Waiting(NamedTuple):
    """How many tasks wait, `COUNTED_MAX` at most, and the first of the times by which they were found."""

    tasks: int
    first_at: datetime


class Figures(NamedTuple):
    """What was read.

    Attributes:
        counts: How many tasks there are in each state.
        total: What happened since a minute; without waits for a single owner.
        ends: How many tasks ended, by kind and minute; minutes in which none did are left out.
        late: Queued tasks that were created long ago; None when there are none. Of all owners, those that were queued long ago.
        expiring: Waiting tasks that expire soon; None when there are none.
    """

    counts: OwnerCounts
    total: ActivityCounts
    ends: Mapping[tuple[str, datetime], Ends]
    late: Waiting | None
    expiring: Waiting | None


async def read_figures(session: Reads, owner: str, times: Times) -> Figures:
    """Read the figures of an owner. ``times.since`` is within the time for which minutes are kept."""
    is_of_all = owner == EVERYBODY
    row = (await session.execute(_select(is_of_all=is_of_all), {"owner": owner, **times._asdict()})).one()
    counted: Sequence[tuple[str, str, int]] = list(
        zip(row.kinds or (), row.states or (), row.numbers or (), strict=True)
    )
    summed = dict(zip(_columns(is_of_all=is_of_all), row.sums, strict=True))
    minutes = zip(row.end_kinds or (), row.end_minutes or (), row.succeeded or (), row.failed or (), strict=True)
    return Figures(
        counts=counts_by_owner([owner], ((owner, *each) for each in counted))[owner],
        total=to_counts(ActivityCounts, [summed.get(name) or 0 for name in COUNTERS]),
        ends={(kind, at): Ends(succeeded, failed) for kind, at, succeeded, failed in minutes},
        late=Waiting(row.late, row.late_at) if row.late else None,
        expiring=Waiting(row.expiring, row.expiring_at) if row.expiring else None,
    )


def _columns(*, is_of_all: bool) -> tuple[str, ...]:
    return COUNTERS if is_of_all else _OF_OWNER


@cache
def _select(*, is_of_all: bool) -> TextClause:
    """Build the statement. Each of its parts gives one row."""
    sums = ", ".join(f"sum({name})::int" for name in _columns(is_of_all=is_of_all))
    # No index has the queued tasks of all owners by their creation.
    late = "queued_at" if is_of_all else "created_at"
    of_owner = "" if is_of_all else "owner = :owner AND "
    return text(f"""
        SELECT * FROM (
            SELECT array_agg(kind) AS kinds, array_agg(state) AS states, array_agg(n) AS numbers FROM counts WHERE owner = :owner
        ) c CROSS JOIN (
            SELECT ARRAY[{sums}] AS sums FROM activity WHERE owner = :owner AND at >= :since
        ) t CROSS JOIN (
            SELECT array_agg(kind) AS end_kinds, array_agg(at) AS end_minutes, array_agg(succeeded) AS succeeded,
                   array_agg(failed) AS failed
            FROM activity WHERE owner = :owner AND at >= :minutes_since AND minutes = 1 AND succeeded + failed > 0
        ) e CROSS JOIN (
            SELECT count(*)::int AS late, min(created_at) AS late_at FROM (
                SELECT created_at FROM tasks WHERE {of_owner}state = 'queued' AND {late} < :late_before
                ORDER BY {late} LIMIT {LATE_OF_ALL_MAX if is_of_all else COUNTED_MAX}
            ) l
        ) l CROSS JOIN (
            SELECT count(*)::int AS expiring, min(expires_at) AS expiring_at FROM (
                SELECT expires_at FROM tasks
                WHERE {of_owner}expires_at < :expiring_before AND expires_at IS NOT NULL AND state IN ('pending', 'queued')
                ORDER BY expires_at LIMIT {COUNTED_MAX}
            ) s
        ) s
    """)  # noqa: S608 - names are ours
