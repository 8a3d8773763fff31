"""The queries of the sweep of files: uploads that were not completed, and what the table and the store do not agree about."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, delete, func, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.files import FileState
from headrace.store import file_table
from headrace.store.file_table import FileRow
from headrace.store.reading import columns_of, fetch_rows

ROWS = 500  # of one statement
SWEEP_LOCK = 0x48_52_46  # any number, the same in every process: one of them sweeps at a time ("HRF")

_FILES = file_table.files
_OF = _FILES.c
_FILE = columns_of(_FILES, FileRow)


async def lock_sweep(session: AsyncSession) -> bool:
    """Have the sweep until the transaction ends; returns False when another process has it."""
    return bool(await session.scalar(select(func.pg_try_advisory_xact_lock(SWEEP_LOCK))))


async def find_expired(session: AsyncSession, now: datetime, after: str) -> list[FileRow]:
    """Find some uploads that have expired and that nobody verifies, in the order of their ids, which come after one."""
    chosen = select(*_FILE).where(_has_expired(now), _OF.id > after).order_by(_OF.id).limit(ROWS)
    return await fetch_rows(session, FileRow, chosen)


async def delete_expired(session: AsyncSession, now: datetime, files: Collection[str]) -> list[FileRow]:
    """Delete the rows of those uploads that have still expired, and return them."""
    gone: Any = delete(_FILES).where(_has_expired(now), _OF.id.in_(files)).returning(*_FILE)
    return await fetch_rows(session, FileRow, gone)


async def find_states(session: AsyncSession, files: Collection[str]) -> dict[str, str]:
    """Return the states of files, by their ids. What has no row is left out."""
    return {row[0]: row[1] for row in await session.execute(select(_OF.id, _OF.state).where(_OF.id.in_(files)))}


async def find_ready(session: AsyncSession, before: datetime, after: str) -> list[FileRow]:
    """Find some uploads that have been ready since before a time, in the order of their ids, which come after one."""
    is_ready = (_OF.state == FileState.READY.value) & _OF.task.is_(None) & (_OF.ready_at < before)
    return await fetch_rows(
        session, FileRow, select(*_FILE).where(is_ready, _OF.id > after).order_by(_OF.id).limit(ROWS)
    )


async def delete_lost(session: AsyncSession, files: Collection[str]) -> None:
    """Delete the rows of uploads whose objects are gone."""
    await session.execute(delete(_FILES).where(_OF.id.in_(files), _OF.task.is_(None)))


def _has_expired(now: datetime) -> ColumnElement[bool]:
    return (_OF.expires_at <= now) & _OF.task.is_(None) & or_(_OF.leased_until.is_(None), _OF.leased_until <= now)
