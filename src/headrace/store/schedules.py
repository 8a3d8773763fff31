"""The queries of the API about schedules. Each is scoped to an owner."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from msgspec import Struct
from sqlalchemy import bindparam, func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.schedules import Schedule, ScheduleDefinition
from headrace.contracts.screens.schedules import RecentRun
from headrace.contracts.tasks import State
from headrace.cron import following, is_active
from headrace.store import tables
from headrace.store.activity_statements import EPOCH
from headrace.store.cursors import Cursor
from headrace.store.reading import columns_of, fetch_row, fetch_rows, to_contract
from headrace.store.snapshot import Reads
from headrace.store.tables import ScheduleRow

SCHEDULES_PER_OWNER_MAX = 1000  # they are listed in one answer
SCHEDULES_LOCK = 0x48_52_53  # any number, the same in every process; with an owner it is a lock ("HRS")


class Times(Struct, frozen=True):
    """What a definition says about when its schedule fires."""

    cron: str | None = None
    every: int | None = None
    end_at: datetime | None = None
    paused: bool = False


_decode_times = msgspec.json.Decoder(Times).decode
# One look into `tasks_of_schedule` for each schedule.
_SELECT_RECENT_RUNS = text("""
    SELECT asked.schedule, latest.id, latest.state, latest.created_at, latest.run_seconds
    FROM unnest(CAST(:schedules AS text[])) WITH ORDINALITY AS asked (schedule, place) CROSS JOIN LATERAL (
        SELECT id, state, created_at, run_seconds FROM tasks
        WHERE schedule = asked.schedule AND owner = :owner
        ORDER BY created_at DESC, id DESC LIMIT :limit
    ) latest
    ORDER BY asked.place, latest.created_at DESC, latest.id DESC
""")
_C = tables.schedules.c
_SELECT_SCHEDULE = select(*columns_of(tables.schedules, ScheduleRow))
_SELECT_PAGE = (
    _SELECT_SCHEDULE.where(
        _C.owner == bindparam("owner"),
        tuple_(_C.created_at, _C.id) > tuple_(bindparam("after_at"), bindparam("after_id")),
    )
    .order_by(_C.created_at, _C.id)
    .limit(bindparam("limit"))
)


async def find_schedule(session: Reads, owner: str, schedule: str, now: datetime) -> Schedule | None:
    """Find one schedule of an owner; its next firing is counted from ``now``."""
    columns = tables.schedules.c
    found = _SELECT_SCHEDULE.where(columns.id == schedule, columns.owner == owner)
    row = await fetch_row(session, ScheduleRow, found)
    return None if row is None else _to_schedule(row, now)


async def list_oldest(session: Reads, owner: str, now: datetime) -> list[Schedule]:
    """List an owner's schedules, oldest first; their next firings are counted from ``now``."""
    columns = tables.schedules.c
    oldest = _SELECT_SCHEDULE.where(columns.owner == owner).order_by(columns.created_at, columns.id)
    rows = await fetch_rows(session, ScheduleRow, oldest.limit(SCHEDULES_PER_OWNER_MAX))
    return [_to_schedule(row, now) for row in rows]


async def list_page(
    session: Reads, owner: str, now: datetime, after: Cursor | None, limit: int
) -> tuple[list[Schedule], Cursor | None]:
    """List one page of an owner's schedules, oldest first; their next firings are counted from ``now``.

    Returns:
        The schedules, and where the next page begins; None on the last page.
    """
    # Nobody has a schedule from before 1970.
    begin = Cursor(EPOCH, "") if after is None else after
    asked = {"owner": owner, "after_at": begin.created_at, "after_id": begin.id, "limit": limit + 1}
    rows = await fetch_rows(session, ScheduleRow, _SELECT_PAGE, asked)
    shown = rows[:limit]
    more = Cursor(shown[-1].created_at, shown[-1].id) if len(rows) > limit else None
    return [_to_schedule(row, now) for row in shown], more


async def list_recent_runs(
    session: Reads, owner: str, schedules: Sequence[str], limit: int
) -> dict[str, list[RecentRun]]:
    """List the latest tasks of some schedules of an owner, newest first, by schedule; ``limit`` of each at most."""
    if not schedules:
        return {}
    asked = {"owner": owner, "schedules": schedules, "limit": limit}
    found = dict[str, list[RecentRun]]()
    for schedule, task, state, at, seconds in await session.execute(_SELECT_RECENT_RUNS, asked):
        run = RecentRun(task=task, state=State(state), at=at, seconds=seconds)
        found.setdefault(schedule, []).append(run)
    return found


async def list_ids(session: Reads, owner: str) -> list[str]:
    """List the ids of an owner's schedules."""
    return list(await session.scalars(select(tables.schedules.c.id).where(tables.schedules.c.owner == owner)))


async def lock_schedules(session: AsyncSession, owner: str) -> None:
    """Wait for whoever saves a schedule of an owner, and keep all others waiting until the transaction ends."""
    await session.execute(select(func.pg_advisory_xact_lock(SCHEDULES_LOCK, func.hashtext(owner))))


async def count_schedules(session: Reads, owner: str) -> int:
    """Count an owner's schedules."""
    counted = select(func.count()).select_from(tables.schedules).where(tables.schedules.c.owner == owner)
    return await session.scalar(counted) or 0


async def list_times(session: Reads, owner: str, *, but: str | None = None) -> list[Times]:
    """List when an owner's schedules fire. ``but`` is the id of one to leave out."""
    columns = tables.schedules.c
    # Postgres cannot look into JSON that has a NUL in a string, which the input of a schedule may have.
    found = select(columns.definition).where(columns.owner == owner, columns.id != (but or ""))
    return [_decode_times(each) for each in await session.scalars(found.limit(SCHEDULES_PER_OWNER_MAX))]


def _to_schedule(row: ScheduleRow, now: datetime) -> Schedule:
    definition = msgspec.json.decode(row.definition, type=ScheduleDefinition)
    next_at = following(definition, now, row.announced_at or now) if is_active(definition, now) else None
    return to_contract(row, Schedule, definition=definition, next_at=next_at)
