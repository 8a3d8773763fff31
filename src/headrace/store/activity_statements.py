"""The projector's SQL about activity: adding what a page counts, and making hours of old minutes. Rows are only added to."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from headrace.store.leadership import LeaderSession
from headrace.store.tables import COUNTERS, EVERYBODY, ActivityRow

HOUR = timedelta(hours=1)
MINUTES_KEPT = timedelta(days=2)  # people look at minutes while something is wrong, and at hours to compare weeks
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EPOCH_TEXT = "timestamptz '1970-01-01 00:00:00+00'"

_COUNTERS = ", ".join(COUNTERS)
_ADD = f"""ON CONFLICT (owner, at, kind, minutes) DO UPDATE SET {", ".join(f"{name} = t.{name} + excluded.{name}" for name in COUNTERS)}"""
_ARRAYS = ", ".join(f"${number}::int[]" for number in range(4, 4 + 1 + len(COUNTERS)))
ADD_ACTIVITY = f"""
    INSERT INTO activity AS t (owner, at, kind, minutes, {_COUNTERS})
    SELECT * FROM unnest($1::text[], $2::timestamptz[], $3::text[], {_ARRAYS})
    {_ADD}
"""  # noqa: S608 - names are ours
_COMPACT = f"""
    WITH oldest AS MATERIALIZED (
        SELECT owner, at, kind, minutes FROM activity WHERE minutes = 1 AND at < $1 ORDER BY at LIMIT $2
    ), compacted AS (
        DELETE FROM activity AS t USING oldest AS o
        WHERE (t.owner, t.at, t.kind, t.minutes) = (o.owner, o.at, o.kind, o.minutes) RETURNING t.*
    ), added AS (
        INSERT INTO activity AS t (owner, at, kind, minutes, {_COUNTERS})
        SELECT owner, date_bin('1 hour', at, {EPOCH_TEXT}), kind, 60, {", ".join(f"sum({name})" for name in COUNTERS)}
        FROM compacted GROUP BY 1, 2, 3
        {_ADD}
    )
    SELECT count(*) FROM compacted
"""  # noqa: S608 - names are ours
FORGET_ACTIVITY = "DELETE FROM activity"
COUNT_ACTIVITY_OF_ALL = f"""
    DELETE FROM activity WHERE owner = '{EVERYBODY}';
    INSERT INTO activity (owner, at, kind, minutes, {_COUNTERS})
        SELECT '{EVERYBODY}', at, kind, minutes, {", ".join(f"sum({name})" for name in COUNTERS)} FROM activity GROUP BY at, kind, minutes;
"""  # noqa: S608 - names are ours


def of_everybody(rows: Iterable[ActivityRow]) -> list[ActivityRow]:
    """Return what rows add to the counts of all owners together."""
    found: dict[tuple[datetime, str, int], list[int]] = {}
    for row in rows:
        key = row.at, row.kind, row.minutes
        known = found.get(key)
        found[key] = (
            row.counters if known is None else [one + more for one, more in zip(known, row.counters, strict=True)]
        )
    return [
        ActivityRow(owner=EVERYBODY, at=at, kind=kind, minutes=minutes, counters=counters)
        for (at, kind, minutes), counters in found.items()
    ]


def arrays_of(rows: Collection[ActivityRow]) -> list[list[Any]]:
    """Return the arguments of `ADD_ACTIVITY`: an array for each column."""
    keys = zip(*((row.owner, row.at, row.kind, row.minutes) for row in rows), strict=True)
    counters = zip(*(row.counters for row in rows), strict=True)
    return [list(array) for array in (*keys, *counters)]


async def compact_activity(session: LeaderSession, before: datetime, limit: int) -> int:
    """Add the oldest minutes that began before a time to their hours.

    Args:
        session: The session of the leader.
        before: The begin of an hour.
        limit: How many rows to compact in one statement, at most.

    Returns:
        How many rows were compacted.
    """
    return await session.connection.fetchval(_COMPACT, before, limit)
