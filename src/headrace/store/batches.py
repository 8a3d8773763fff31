"""Reading batches: what the API asks of the read model. Every query is scoped to an owner."""

from __future__ import annotations

from typing import NamedTuple

from advanced_alchemy.filters import LimitOffset, OrderBy
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from sqlalchemy import ColumnElement, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.batches import Batch, BatchState
from headrace.store import tables
from headrace.store.batch_rows import view
from headrace.store.cursors import Cursor


class BatchFilter(NamedTuple):
    """Which batches a list is to show; None for any."""

    state: BatchState | None = None
    kind: str | None = None


class _Batches(SQLAlchemyAsyncRepository[tables.Batch]):
    model_type = tables.Batch


async def find_batch(session: AsyncSession, owner: str, batch: str) -> Batch | None:
    """One batch."""
    row = await _Batches(session=session).get_one_or_none(tables.Batch.id == batch, tables.Batch.owner == owner)
    return None if row is None else view(row)


async def list_newest(
    session: AsyncSession, owner: str, wanted: BatchFilter, after: Cursor | None, limit: int
) -> tuple[list[Batch], Cursor | None]:
    """A page of an owner's batches, newest first, and where the next one begins, if there is one."""
    conditions: list[ColumnElement[bool]] = [tables.Batch.owner == owner]
    if wanted.state is not None:
        conditions.append(tables.Batch.state == wanted.state)
    if wanted.kind is not None:
        conditions.append(tables.Batch.kind == wanted.kind)
    if after is not None:
        conditions.append(tuple_(tables.Batch.created_at, tables.Batch.id) < (after.created_at, after.id))
    rows = await _Batches(session=session).list(
        *conditions, OrderBy("created_at", "desc"), OrderBy("id", "desc"), LimitOffset(limit + 1, 0)
    )
    page = rows[:limit]
    more = Cursor(page[-1].created_at, page[-1].id) if len(rows) > limit else None
    return [view(row) for row in page], more
