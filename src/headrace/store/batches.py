"""The queries of the API about batches. Each is scoped to an owner."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import ColumnElement, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.batches import Batch, BatchState
from headrace.store import tables
from headrace.store.batch_rows import to_batch
from headrace.store.cursors import Cursor
from headrace.store.reading import columns_of, fetch_row, fetch_rows
from headrace.store.tables import BatchRow

_SELECT_BATCH = select(*columns_of(tables.batches, BatchRow))


class BatchFilter(NamedTuple):
    """Which batches a list shows; None means any."""

    state: BatchState | None = None
    kind: str | None = None


async def find_batch(session: AsyncSession, owner: str, batch: str) -> Batch | None:
    """Find one batch of an owner."""
    columns = tables.batches.c
    row = await fetch_row(session, BatchRow, _SELECT_BATCH.where(columns.id == batch, columns.owner == owner))
    return None if row is None else to_batch(row)


async def list_newest(
    session: AsyncSession, owner: str, wanted: BatchFilter, after: Cursor | None, limit: int
) -> tuple[list[Batch], Cursor | None]:
    """List one page of an owner's batches, newest first.

    Returns:
        The batches, and where the next page begins; None on the last page.
    """
    columns = tables.batches.c
    conditions: list[ColumnElement[bool]] = [columns.owner == owner]
    if wanted.state is not None:
        conditions.append(columns.state == wanted.state)
    if wanted.kind is not None:
        conditions.append(columns.kind == wanted.kind)
    if after is not None:
        conditions.append(tuple_(columns.created_at, columns.id) < (after.created_at, after.id))
    newest = _SELECT_BATCH.where(*conditions).order_by(columns.created_at.desc(), columns.id.desc())
    rows = await fetch_rows(session, BatchRow, newest.limit(limit + 1))
    page = rows[:limit]
    more = Cursor(page[-1].created_at, page[-1].id) if len(rows) > limit else None
    return [to_batch(row) for row in page], more
