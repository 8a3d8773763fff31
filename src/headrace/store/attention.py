"""The queries about what needs attention: tasks that are late, that expire soon, and schedules that do not fire.

Each reads some hundred rows at most, whatever there is. `EVERYBODY` in place of an owner means all owners.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.audit import Action
from headrace.contracts.schedules import ScheduleDefinition
from headrace.cron import following, is_active
from headrace.store.tables import EVERYBODY

COUNTED_MAX = 1_000  # tasks; a person acts alike on more
SCHEDULES_READ_MAX = 200  # of an owner, the oldest; to compute the firings of one takes some ten microseconds
SCHEDULE_BYTES_MAX = 2 << 20  # of their definitions, each of which may have an input of 256 KB
STUCK_SECONDS = 120.0  # after a firing was due; the projector sets lost timers again within a minute

_decode_definition = msgspec.json.Decoder(ScheduleDefinition).decode


class Waiting(NamedTuple):
    """How many tasks wait, `COUNTED_MAX` at most, and the first of the times by which they were found."""

    tasks: int
    first_at: datetime


class Firing(NamedTuple):
    """A schedule and its firings.

    Attributes:
        id: Its id.
        name: What people call it.
        kind: The kind of its tasks.
        next_at: When it fires next; None when it does not.
        missed_at: When it should have fired and did not; None when it fires as it should.
        since: Since when it is as it is.
    """

    id: str
    name: str | None
    kind: str
    next_at: datetime | None
    missed_at: datetime | None
    since: datetime


# What was created long ago and is queued. Of all owners it is what was queued long ago, because no index has the first.
_LATE = text(f"""
    SELECT count(*), min(created_at) FROM (
        SELECT created_at FROM tasks WHERE owner = :owner AND state = 'queued' AND created_at < :before
        ORDER BY created_at LIMIT {COUNTED_MAX}
    ) late
""")  # noqa: S608 - the number is ours
_LATE_OF_ALL = text(f"""
    SELECT count(*), min(created_at) FROM (
        SELECT created_at FROM tasks WHERE state = 'queued' AND queued_at < :before ORDER BY queued_at LIMIT {COUNTED_MAX}
    ) late
""")  # noqa: S608 - the number is ours


def _expiring(of_owner: str) -> TextClause:
    return text(f"""
        SELECT count(*), min(expires_at) FROM (
            SELECT expires_at FROM tasks
            WHERE {of_owner}expires_at < :before AND expires_at IS NOT NULL AND state IN ('pending', 'queued')
            ORDER BY expires_at LIMIT {COUNTED_MAX}
        ) expiring
    """)  # noqa: S608 - names are ours


_EXPIRING, _EXPIRING_OF_ALL = _expiring("owner = :owner AND "), _expiring("")
_FIRINGS = text(f"""
    SELECT id, definition, updated_at, announced_at, last_at FROM (
        SELECT id, definition::text AS definition, created_at, updated_at, announced_at, last_at,
               sum(bytes) OVER (ORDER BY created_at, id) - bytes AS bytes_before
        FROM (
            SELECT *, pg_column_size(definition) AS bytes FROM schedules WHERE owner = :owner
            ORDER BY created_at, id LIMIT {SCHEDULES_READ_MAX}
        ) oldest
    ) measured
    WHERE bytes_before < {SCHEDULE_BYTES_MAX} ORDER BY created_at, id
""")  # noqa: S608 - numbers are ours
_PAUSED = text(f"""
    SELECT kinds.kind, newest.at, newest.actor FROM unnest(CAST(:kinds AS text[])) AS kinds(kind) CROSS JOIN LATERAL (
        SELECT at, actor FROM audit WHERE subject = kinds.kind AND action = '{Action.KIND_PAUSED}' ORDER BY at DESC, id DESC LIMIT 1
    ) newest
""")  # noqa: S608 - the name is ours


async def find_late(session: AsyncSession, owner: str, before: datetime) -> Waiting | None:
    """Find queued tasks that were created before a time; None when there are none."""
    query = _LATE_OF_ALL if owner == EVERYBODY else _LATE
    return await _find_waiting(session, query, owner, before)


async def find_expiring(session: AsyncSession, owner: str, before: datetime) -> Waiting | None:
    """Find waiting tasks that expire before a time; None when there are none."""
    query = _EXPIRING_OF_ALL if owner == EVERYBODY else _EXPIRING
    return await _find_waiting(session, query, owner, before)


async def _find_waiting(session: AsyncSession, query: TextClause, owner: str, before: datetime) -> Waiting | None:
    asked = {"before": before} if owner == EVERYBODY else {"owner": owner, "before": before}
    count, first_at = (await session.execute(query, asked)).one()
    return Waiting(count, first_at) if count else None


async def list_firings(session: AsyncSession, owner: str, now: datetime) -> list[Firing]:
    """List an owner's schedules that are not paused with their firings, the oldest `SCHEDULES_READ_MAX` of them.

    Of schedules with large inputs there are fewer, see `SCHEDULE_BYTES_MAX`.
    """
    rows = await session.execute(_FIRINGS, {"owner": owner})
    return list(_firings(rows, now))


def _firings(rows: Iterable[Any], now: datetime) -> Iterator[Firing]:
    for id_, encoded, updated_at, announced_at, last_at in rows:
        definition = _decode_definition(encoded)
        if not is_active(definition, now):
            continue
        due_at = due_firing(definition, announced_at, last_at)
        is_missed = due_at is not None and due_at < now - timedelta(seconds=STUCK_SECONDS)
        yield Firing(
            id=id_,
            name=definition.name,
            kind=definition.kind,
            next_at=following(definition, now, announced_at or now),
            missed_at=due_at if is_missed else None,
            since=max(updated_at, last_at or updated_at),
        )


def due_firing(
    definition: ScheduleDefinition, announced_at: datetime | None, last_at: datetime | None
) -> datetime | None:
    """Return the firing that comes next after the last one that submitted a task; None when none is known.

    Args:
        definition: The schedule.
        announced_at: A firing, past or to come, that the log has told of.
        last_at: When a firing submitted a task last.
    """
    if announced_at is None:
        return None
    if last_at is None or last_at < announced_at:
        return announced_at
    return following(definition, last_at, announced_at)


async def find_pauses(session: AsyncSession, kinds: Collection[str]) -> dict[str, tuple[datetime, str | None]]:
    """Find when kinds were paused last, and by whom, as far as the audit has it."""
    if not kinds:
        return {}
    rows = await session.execute(_PAUSED, {"kinds": list(kinds)})
    return {kind: (at, actor) for kind, at, actor in rows}
