"""The queries about the settings that change at run time: a document in numbered versions, of which the last one holds."""

from __future__ import annotations

import msgspec
from sqlalchemy import delete, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.store import identity_tables
from headrace.store.identity_tables import RunTimeSettingsRow
from headrace.store.reading import columns_of, fetch_row, fetch_rows
from headrace.store.snapshot import Reads

VERSIONS_MAX = 1000  # that are kept; who changed what is in the audit for ever

_SETTINGS = identity_tables.run_time_settings
_OF = _SETTINGS.c
_SELECT_NEWEST = select(*columns_of(_SETTINGS, RunTimeSettingsRow)).order_by(_OF.version.desc())


async def find_newest_settings(session: AsyncSession) -> RunTimeSettingsRow | None:
    """Find the version that holds; None before anything was changed."""
    return await fetch_row(session, RunTimeSettingsRow, _SELECT_NEWEST.limit(1))


async def list_newest_settings(session: Reads, limit: int) -> list[RunTimeSettingsRow]:
    """List the last versions, the newest first."""
    return await fetch_rows(session, RunTimeSettingsRow, _SELECT_NEWEST.limit(limit))


async def insert_settings(session: AsyncSession, row: RunTimeSettingsRow) -> bool:
    """Add a version, in a transaction of the caller.

    Returns:
        Whether it was added. It is not when another one came first: its number has to be the one after the newest, from 1.
    """
    newest = await find_newest_settings(session)
    if row.version != (1 if newest is None else newest.version + 1):
        return False
    added = postgresql.insert(_SETTINGS).values(msgspec.structs.asdict(row)).on_conflict_do_nothing()
    if await session.scalar(added.returning(_OF.version)) is None:
        return False
    await session.execute(delete(_SETTINGS).where(_OF.version <= row.version - VERSIONS_MAX))
    return True
