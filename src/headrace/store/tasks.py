"""Reading tasks: what the API asks of the read model. Every query is scoped to an owner."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from advanced_alchemy.filters import LimitOffset, OrderBy
from advanced_alchemy.repository import SQLAlchemyAsyncRepository
from msgspec import Raw
from sqlalchemy import JSON, ColumnElement, cast, func, select, tuple_
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from headrace.contracts.positions import Position
from headrace.contracts.tasks import (
    Priority,
    Progress,
    Selection,
    State,
    StoredFile,
    Task,
    TaskError,
    TaskSummary,
    TimelineEntry,
)
from headrace.store import tables
from headrace.store.cursors import Cursor

TIMELINE_MAX = 1000  # events; a task with more has been run again hundreds of times


class TaskFilter(NamedTuple):
    """Which tasks a list is to show; None for any."""

    state: State | None = None
    kind: str | None = None
    batch: str | None = None


class SummaryAndHeaders(NamedTuple):
    """A task whose events the log may have no more; ``headers`` are what each of them carried."""

    summary: TaskSummary
    headers: dict[str, str]


class _Tasks(SQLAlchemyAsyncRepository[tables.Task]):
    model_type = tables.Task


async def find_task(session: AsyncSession, owner: str, task: str) -> Task | None:
    """One task, whole."""
    row = await _Tasks(session=session).get_one_or_none(tables.Task.id == task, tables.Task.owner == owner)
    if row is None:
        return None
    summary = msgspec.structs.asdict(_summary(row))
    return Task(**summary, input=Raw(row.input.encode()), result=Raw((row.result or "null").encode()))


async def find_summary_and_headers(session: AsyncSession, owner: str, task: str) -> SummaryAndHeaders | None:
    """One task, for who goes on with it where the log has left off."""
    row = await _Tasks(session=session).get_one_or_none(
        tables.Task.id == task, tables.Task.owner == owner, load=[defer(tables.Task.input), defer(tables.Task.result)]
    )
    if row is None:
        return None
    return SummaryAndHeaders(_summary(row), msgspec.json.decode(row.headers, type=dict[str, str]))


async def list_newest(
    session: AsyncSession, owner: str, wanted: TaskFilter, after: Cursor | None, limit: int
) -> tuple[list[TaskSummary], Cursor | None]:
    """A page of an owner's tasks, newest first, and where the next one begins, if there is one."""
    conditions: list[ColumnElement[bool]] = [tables.Task.owner == owner]
    if wanted.state is not None:
        conditions.append(tables.Task.state == wanted.state)
    if wanted.kind is not None:
        conditions.append(tables.Task.kind == wanted.kind)
    if wanted.batch is not None:
        conditions.append(tables.Task.batch == wanted.batch)
    if after is not None:
        conditions.append(tuple_(tables.Task.created_at, tables.Task.id) < (after.created_at, after.id))
    rows = await _Tasks(session=session).list(
        *conditions,
        OrderBy("created_at", "desc"),
        OrderBy("id", "desc"),
        LimitOffset(limit + 1, 0),
        load=[defer(tables.Task.input), defer(tables.Task.result)],
    )
    page = rows[:limit]
    more = Cursor(page[-1].created_at, page[-1].id) if len(rows) > limit else None
    return [_summary(row) for row in page], more


async def list_timeline(session: AsyncSession, task: str) -> list[TimelineEntry]:
    """The events of a task, oldest first."""
    rows = await session.scalars(
        select(tables.TaskEvent)
        .where(tables.TaskEvent.task == task)
        .order_by(tables.TaskEvent.epoch, tables.TaskEvent.sequence)
        .limit(TIMELINE_MAX)
    )
    return [
        TimelineEntry(
            position=str(Position(row.epoch, row.sequence)),
            event=row.event,
            at=row.at,
            attempt=row.attempt,
            data=Raw(row.data.encode()),
        )
        for row in rows
    ]


def _summary(row: tables.Task) -> TaskSummary:
    state = State(row.state)
    if state is State.QUEUED and row.due_at is not None and row.due_at > datetime.now(UTC):
        state = State.PENDING  # its timer went off a moment early, see `headrace.log.timers`
    return TaskSummary(
        id=row.id,
        kind=row.kind,
        priority=Priority(row.priority),
        owner=row.owner,
        batch=row.batch,
        state=state,
        attempt=row.attempt,
        max_attempts=row.max_attempts,
        error=msgspec.json.decode(row.error, type=TaskError) if row.error else None,
        progress=msgspec.json.decode(row.progress, type=Progress) if row.progress else None,
        files=msgspec.json.decode(row.files, type=tuple[StoredFile, ...]),
        due_at=row.due_at if state is State.PENDING else None,
        expires_at=row.expires_at,
        created_at=row.created_at,
        started_at=row.started_at,
        finished_at=row.finished_at,
        position=str(Position(row.epoch, row.sequence)),
    )


async def count_selected(session: AsyncSession, owner: str, selection: Selection, *, final: bool) -> int:
    """How many tasks a selection has, of those that are final, or of those that are not."""
    counted = select(func.count()).select_from(tables.Task).where(*_selected(owner, selection, final=final))
    return await session.scalar(counted) or 0


async def list_oldest_selected(
    session: AsyncSession, owner: str, selection: Selection, limit: int, *, final: bool
) -> list[str]:
    """The ids of the oldest tasks of a selection."""
    oldest = (
        select(tables.Task.id)
        .where(*_selected(owner, selection, final=final))
        .order_by(tables.Task.created_at, tables.Task.id)
        .limit(limit)
    )
    return list(await session.scalars(oldest))


def _selected(owner: str, selection: Selection, *, final: bool) -> list[ColumnElement[bool]]:
    task = tables.Task
    states = [state for state in State if state.final is final and selection.state in (None, state)]
    found: list[ColumnElement[bool]] = [task.owner == owner, task.state.in_(states)]
    if selection.kind is not None:
        found.append(task.kind == selection.kind)
    if selection.batch is not None:
        found.append(task.batch == selection.batch)
    if selection.code is not None:
        found.append(func.json_extract_path_text(cast(task.error, JSON), "code") == selection.code)
    for column, since, before in (
        (task.created_at, selection.created_from, selection.created_before),
        (task.finished_at, selection.finished_from, selection.finished_before),
    ):
        if since is not None:
            found.append(column >= since)
        if before is not None:
            found.append(column < before)
    return found
