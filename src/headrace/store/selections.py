"""The queries of the API about selections: the tasks of an owner that one request cancels or runs again."""

from __future__ import annotations

from sqlalchemy import JSON, ColumnElement, cast, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.tasks import Selection, State
from headrace.store import tables


async def count_selected(session: AsyncSession, owner: str, selection: Selection, *, final: bool) -> int:
    """Count the tasks of a selection: of those that are final, or of those that are not."""
    counted = select(func.count()).select_from(tables.tasks).where(*_conditions(owner, selection, final=final))
    return await session.scalar(counted) or 0


async def list_oldest_selected(
    session: AsyncSession, owner: str, selection: Selection, limit: int, *, final: bool
) -> list[str]:
    """List the ids of the oldest tasks of a selection: of those that are final, or of those that are not."""
    columns = tables.tasks.c
    oldest = (
        select(columns.id)
        .where(*_conditions(owner, selection, final=final))
        .order_by(columns.created_at, columns.id)
        .limit(limit)
    )
    return list(await session.scalars(oldest))


def _conditions(owner: str, selection: Selection, *, final: bool) -> list[ColumnElement[bool]]:
    columns = tables.tasks.c
    states = [state for state in State if state.final is final and selection.state in (None, state)]
    conditions: list[ColumnElement[bool]] = [columns.owner == owner, columns.state.in_(states)]
    if selection.kind is not None:
        conditions.append(columns.kind == selection.kind)
    if selection.batch is not None:
        conditions.append(columns.batch == selection.batch)
    if selection.code is not None:
        conditions.append(func.json_extract_path_text(cast(columns.error, JSON), "code") == selection.code)
    for column, since, before in (
        (columns.created_at, selection.created_from, selection.created_before),
        (columns.finished_at, selection.finished_from, selection.finished_before),
    ):
        if since is not None:
            conditions.append(column >= since)
        if before is not None:
            conditions.append(column < before)
    return conditions
