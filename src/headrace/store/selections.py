"""The queries of the API about selections: the tasks of an owner that one request cancels or runs again."""

from __future__ import annotations

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.tasks import Selection, State
from headrace.store import tables
from headrace.store.by_age import select_oldest
from headrace.store.tasks import conditions_of


async def count_selected(session: AsyncSession, owner: str, selection: Selection, *, final: bool) -> int:
    """Count the tasks of a selection: of those that are final, or of those that are not."""
    states = tables.tasks.c.state.in_(_states(selection, final=final))
    counted = select(func.count()).select_from(tables.tasks).where(states, *_conditions(owner, selection))
    return await session.scalar(counted) or 0


async def list_oldest_selected(
    session: AsyncSession, owner: str, selection: Selection, limit: int, *, final: bool
) -> list[str]:
    """List the ids of the oldest tasks of a selection: of those that are final, or of those that are not."""
    states, conditions = _states(selection, final=final), _conditions(owner, selection)
    if not states:
        return []
    columns = tables.tasks.c.id, tables.tasks.c.created_at
    if not _has_finish(selection):
        return list(await session.scalars(select_oldest(columns, conditions, states, limit)))
    # No index has both times. Postgres would read all tasks by age in search of a finish, if it did not select them first.
    matching = select(*columns).where(tables.tasks.c.state.in_(states), *conditions)
    selected = matching.cte("selected").prefix_with("MATERIALIZED")
    oldest = select(selected.c.id).order_by(selected.c.created_at, selected.c.id).limit(limit)
    return list(await session.scalars(oldest))


def _states(selection: Selection, *, final: bool) -> list[State]:
    """Return the states of the selected tasks; none when no task can be selected."""
    states = [state for state in State if state.final is final and selection.state in (None, state)]
    if _has_finish(selection) and not final:
        return []
    if selection.code is not None and final:
        return [state for state in states if state is State.FAILED]
    return states


def _has_finish(selection: Selection) -> bool:
    """Whether a selection names a time at which its tasks finished."""
    return selection.finished_from is not None or selection.finished_before is not None


def _conditions(owner: str, selection: Selection) -> list[ColumnElement[bool]]:
    columns = tables.tasks.c
    conditions = conditions_of(owner, selection.kind, selection.batch)
    if selection.code is not None:
        conditions.append(columns.code == selection.code)
    for column, since, before in (
        (columns.created_at, selection.created_from, selection.created_before),
        (columns.finished_at, selection.finished_from, selection.finished_before),
    ):
        if since is not None:
            conditions.append(column >= since)
        if before is not None:
            conditions.append(column < before)
    return conditions
