"""Whether the API can use the read model, and how far that has come."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.positions import Position
from headrace.store.revision import HAS_REVISION, REVISION, describe_gap
from headrace.store.snapshot import Reads

# As text, which takes half as long as a query that is built: every screen begins with it.
_POSITION = text("SELECT epoch, sequence FROM projection WHERE name = :name")


async def find_gap(session: AsyncSession) -> str | None:
    """Say what the database lacks before this version can read it, see `headrace.store.revision`; None when it lacks nothing."""
    connection = await session.connection()
    if not (await connection.exec_driver_sql(HAS_REVISION)).scalar():
        return describe_gap(None)
    return describe_gap((await connection.exec_driver_sql(REVISION)).scalar())


async def read_checkpoint(session: Reads) -> Position | None:
    """Return the position up to which the read model holds every event; None before the projector first ran."""
    return await _read_position(session, "tasks")


async def is_repairing(session: Reads) -> bool:
    """Whether the projector is writing back to the log what the log has lost."""
    return await _read_position(session, "repair") is not None


async def _read_position(session: Reads, name: str) -> Position | None:
    found = (await session.execute(_POSITION, {"name": name})).one_or_none()
    return None if found is None else Position(*found)
