"""Removing what has ended: sessions with their refresh tokens, one-time tokens, and keys some time after they were usable.

A user who signs in, and an owner who makes a key, clear up behind themselves. This removes what nobody comes back to.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, ColumnElement, Table, any_, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.store import identity_tables
from headrace.store.sessions import ENDED_KEPT

ROWS = 1000  # of each table in one transaction; a later sweep removes the rest
DEAD_KEY_DAYS = 30  # for which a key that was revoked or has expired is still listed
SWEEP_LOCK = 0x48_52_49  # any number, the same in every process: one of them sweeps at a time ("HRI")


async def sweep_ended(session: AsyncSession, now: datetime) -> int:
    """Remove rows that have ended, in a transaction of the caller.

    Returns:
        How many rows were removed; 0 when another process sweeps at the moment.
    """
    if not await session.scalar(select(func.pg_try_advisory_xact_lock(SWEEP_LOCK))):
        return 0
    sessions, keys, tokens = (
        identity_tables.sessions,
        identity_tables.api_keys,
        identity_tables.one_time_tokens,
    )
    dead_since = now - timedelta(days=DEAD_KEY_DAYS)
    removed = await _remove(session, sessions, "id", sessions.c.ends_at <= now - ENDED_KEPT)
    removed += await _remove(session, tokens, "hash", tokens.c.expires_at <= now)
    ended = or_(keys.c.expires_at <= dead_since, keys.c.revoked_at <= dead_since)
    return removed + await _remove(session, keys, "id", ended)


async def _remove(session: AsyncSession, table: Table, key: str, has_ended: ColumnElement[bool]) -> int:
    column = table.c[key]
    # As an array, so that each row is looked up by its key: for a subquery, Postgres may read the whole table.
    some = func.array(select(column).where(has_ended).limit(ROWS).scalar_subquery(), type_=ARRAY(column.type))
    removed: Any = await session.execute(delete(table).where(column == any_(some)))
    return removed.rowcount
