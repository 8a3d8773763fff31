"""Reading schedules: what the API asks of the read model. Every query is scoped to an owner."""

from __future__ import annotations

from datetime import datetime

import msgspec
from advanced_alchemy.filters import LimitOffset, OrderBy
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.positions import Position
from headrace.contracts.schedules import Schedule, ScheduleDefinition
from headrace.cron import following, is_active
from headrace.store import tables

SCHEDULES_PER_OWNER_MAX = 1000  # they are listed in one answer


class _Schedules(SQLAlchemyAsyncRepository[tables.Schedule]):
    model_type = tables.Schedule


async def find_schedule(session: AsyncSession, owner: str, schedule: str, now: datetime) -> Schedule | None:
    """One schedule."""
    row = await _Schedules(session=session).get_one_or_none(
        tables.Schedule.id == schedule, tables.Schedule.owner == owner
    )
    return None if row is None else _view(row, now)


async def list_oldest(session: AsyncSession, owner: str, now: datetime) -> list[Schedule]:
    """An owner's schedules, the oldest first."""
    rows = await _Schedules(session=session).list(
        tables.Schedule.owner == owner,
        OrderBy("created_at", "asc"),
        OrderBy("id", "asc"),
        LimitOffset(SCHEDULES_PER_OWNER_MAX, 0),
    )
    return [_view(row, now) for row in rows]


async def count_schedules(session: AsyncSession, owner: str) -> int:
    """How many schedules an owner has."""
    return await _Schedules(session=session).count(tables.Schedule.owner == owner)


def _view(row: tables.Schedule, now: datetime) -> Schedule:
    definition = msgspec.json.decode(row.definition, type=ScheduleDefinition)
    return Schedule(
        id=row.id,
        owner=row.owner,
        definition=definition,
        created_at=row.created_at,
        updated_at=row.updated_at,
        next_at=following(definition, now, row.announced_at or now) if is_active(definition, now) else None,
        last_at=row.last_at,
        last_task=row.last_task,
        position=str(Position(row.epoch, row.sequence)),
    )
