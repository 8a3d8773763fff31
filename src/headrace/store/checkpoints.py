"""How far the read model has come, as the API reads it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.positions import Position
from headrace.store import tables


async def read_checkpoint(session: AsyncSession) -> Position | None:
    """Return the position up to which the read model holds every event; None before the projector first ran."""
    row = await session.scalar(select(tables.Projection).where(tables.Projection.name == "tasks"))
    return Position(row.epoch, row.sequence) if row else None


async def is_repairing(session: AsyncSession) -> bool:
    """Whether the projector is writing back to the log what the log has lost."""
    return await session.scalar(select(tables.Projection).where(tables.Projection.name == "repair")) is not None
