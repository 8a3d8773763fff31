"""The queries of the projector: what needs the leader's sweep, because it is expired, overdue, stuck or unsettled, and what each
projector that reads firings asks about their owners.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from headrace.contracts.counts import OwnerCounts
from headrace.store import tables
from headrace.store.count_rows import counts_by_owner
from headrace.store.leadership import LeaderSession
from headrace.store.statements import column_names
from headrace.store.tables import BatchRow, ScheduleRow, TaskRow

_TASK = column_names(tables.tasks)
_EXPIRED = f"SELECT {_TASK} FROM tasks WHERE state IN ('pending', 'queued') AND expires_at <= $1 LIMIT $2"  # noqa: S608 - names are ours
_QUEUED_BEFORE = f"SELECT {_TASK} FROM tasks WHERE state = 'queued' AND queued_at < $1 LIMIT $2"  # noqa: S608 - names are ours
_RUNNING_SINCE = f"SELECT {_TASK} FROM tasks WHERE state = 'running' AND queued_at < $1 AND started_at < $2 LIMIT $3"  # noqa: S608 - names are ours
_OVERDUE = f"SELECT {_TASK} FROM tasks WHERE state = 'pending' AND due_at < $1 ORDER BY due_at LIMIT $2"  # noqa: S608 - names are ours
_OPEN_OF_CANCELLED_BATCHES = f"""
    SELECT t.* FROM batches b CROSS JOIN LATERAL (
        SELECT {_TASK} FROM tasks
        WHERE owner = b.owner AND batch = b.id AND state IN ('pending', 'queued', 'running') LIMIT $1
    ) t
    WHERE b.state = 'open' AND b.cancelled_at IS NOT NULL
    LIMIT $1
"""  # noqa: S608 - names are ours
# A lane hands out its tasks in the order of the log, so what it has let go of is among the oldest that wait in it. No more of a lane
# is read, however many wait.
_QUEUED_BEHIND_FLOORS = f"""
    SELECT t.* FROM unnest($1::text[], $2::text[], $3::bigint[]) lane (kind, priority, floor) CROSS JOIN LATERAL (
        SELECT {_TASK} FROM tasks
        WHERE state = 'queued' AND kind = lane.kind AND priority = lane.priority AND queued_at < $4
        ORDER BY queued_at LIMIT $6
    ) t
    WHERE t.epoch = $5 AND t.sequence <= lane.floor
    LIMIT $6
"""  # noqa: S608 - names are ours
# The same condition as `headrace.store.batch_rows.is_over`.
_OVER_BUT_OPEN = f"""
    SELECT {column_names(tables.batches)} FROM batches
    WHERE state = 'open' AND pending + queued + running = 0
      AND (succeeded + failed + cancelled >= total OR cancelled_at IS NOT NULL OR settled_sequence > 0)
"""  # noqa: S608 - names are ours
_DISABLED_USERS = "SELECT id FROM users WHERE state = 'disabled'"
_COUNTS = "SELECT owner, kind, state, n FROM counts WHERE owner = ANY($1::text[])"
_NEXT_SCHEDULES = f"SELECT {column_names(tables.schedules)} FROM schedules WHERE id > $1 ORDER BY id LIMIT $2"  # noqa: S608 - names are ours


class LaneFloor(NamedTuple):
    """Up to which sequence the tasks of a kind and a priority are delivered no more."""

    kind: str
    priority: str
    floor: int


async def list_expired(session: LeaderSession, now: datetime, limit: int) -> list[TaskRow]:
    """List tasks that were to be started before ``now`` and were not."""
    return await _fetch_tasks(session, _EXPIRED, now, limit)


async def list_queued_before(session: LeaderSession, before: datetime, limit: int) -> list[TaskRow]:
    """List tasks that are queued since before a time."""
    return await _fetch_tasks(session, _QUEUED_BEFORE, before, limit)


async def list_running_since(
    session: LeaderSession, queued_before: datetime, started_before: datetime, limit: int
) -> list[TaskRow]:
    """List tasks that are running, were queued before one time and started before another."""
    return await _fetch_tasks(session, _RUNNING_SINCE, queued_before, started_before, limit)


async def list_overdue(session: LeaderSession, before: datetime, limit: int) -> list[TaskRow]:
    """List tasks that are pending although they were due before a time, the longest overdue first."""
    return await _fetch_tasks(session, _OVERDUE, before, limit)


async def list_queued_behind_floors(
    session: LeaderSession, epoch: int, lanes: Sequence[LaneFloor], before: datetime, limit: int
) -> list[TaskRow]:
    """List tasks that are queued since before a time, at or before the floor of their lane; of each lane among the oldest ``limit``.

    Args:
        session: The session of the leading projector.
        epoch: The epoch of the log in which the floors are.
        lanes: The lanes. Tasks of other ones are not listed.
        before: The time.
        limit: How many tasks are listed at most, and are looked at of one lane.
    """
    kinds, priorities, floors = ([lane[column] for lane in lanes] for column in range(3))
    return await _fetch_tasks(session, _QUEUED_BEHIND_FLOORS, kinds, priorities, floors, before, epoch, limit)


async def list_open_of_cancelled_batches(session: LeaderSession, limit: int) -> list[TaskRow]:
    """List tasks that are not final and belong to a cancelled batch."""
    return await _fetch_tasks(session, _OPEN_OF_CANCELLED_BATCHES, limit)


async def list_unsettled_batches(session: LeaderSession) -> list[BatchRow]:
    """List the batches that are over and have no `settled` event that says so."""
    return [BatchRow(**record) for record in await session.connection.fetch(_OVER_BUT_OPEN)]


async def list_schedules_after(session: LeaderSession, schedule: str, limit: int) -> list[ScheduleRow]:
    """List schedules by id, after an id; "" begins with the first."""
    found = await session.connection.fetch(_NEXT_SCHEDULES, schedule, limit)
    return [ScheduleRow(**record) for record in found]


async def list_disabled_users(session: LeaderSession) -> list[str]:
    """List the ids of the accounts that are disabled. Of the others, only active ones can have schedules."""
    return [record["id"] for record in await session.connection.fetch(_DISABLED_USERS)]


async def read_counts(session: LeaderSession, owners: Sequence[str]) -> dict[str, OwnerCounts]:
    """Read how many tasks each of these owners has; `headrace.store.tables.EVERYBODY` is one of them."""
    return counts_by_owner(owners, await session.connection.fetch(_COUNTS, owners))


async def _fetch_tasks(session: LeaderSession, query: str, *arguments: object) -> list[TaskRow]:
    return [TaskRow(**record) for record in await session.connection.fetch(query, *arguments)]
