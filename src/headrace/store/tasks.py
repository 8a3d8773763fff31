"""The queries of the API about tasks. Each is scoped to an owner."""

from __future__ import annotations

from collections.abc import Collection
from functools import cache
from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Raw
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Select,
    Text,
    bindparam,
    case,
    cast,
    exists,
    func,
    select,
    tuple_,
)
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.labels import labels_of_entries
from headrace.contracts.tasks import State, Task, TaskSummary, TimelineEntry
from headrace.log import clock
from headrace.store import tables
from headrace.store.by_age import given_filters, merge_states, page_parameters, select_newest
from headrace.store.cursors import Cursor, DurationCursor
from headrace.store.reading import C, columns_of, fetch_row, fetch_rows, to_contract
from headrace.store.tables import EventRow, TaskRow, TaskSummaryRow

TIMELINE_EVENTS_MAX = 1000  # a task with more has been run again hundreds of times

_SELECT_TASK = select(*columns_of(tables.tasks, TaskRow))
_SUMMARY = columns_of(tables.tasks, TaskSummaryRow)
SELECT_SUMMARY = select(*_SUMMARY)
_SELECT_EVENT = select(*columns_of(tables.task_events, EventRow))


Value = str | BindParameter[str]


class TaskFilter(NamedTuple):
    """Which tasks a list shows; None means any."""

    state: State | None = None
    kind: str | None = None
    batch: str | None = None


class LongestFilter(NamedTuple):
    """Which tasks a list by duration shows: those of which ``duration``, a column, is known and longer than some seconds."""

    duration: Literal["run_seconds", "wait_seconds"]
    longer_than: float | None = None
    state: State | None = None
    kind: str | None = None


class SubmittedTask(NamedTuple):
    """What was submitted as a task; the ``input`` as JSON, None when it is larger than wanted."""

    kind: str
    labels: dict[str, str]
    input: str | None


class SummaryAndHeaders(NamedTuple):
    """A task whose events may have left the log; ``headers`` are those that each of its events carried."""

    summary: TaskSummary
    headers: dict[str, str]


async def find_task(session: AsyncSession, owner: str, task: str) -> Task | None:
    """Find one task of an owner, with its input and result."""
    columns = tables.tasks.c
    row = await fetch_row(session, TaskRow, _SELECT_TASK.where(columns.id == task, columns.owner == owner))
    if row is None:
        return None
    return to_task(row, Task, input=Raw(row.input.encode()), result=Raw((row.result or "null").encode()))


async def find_submitted(session: AsyncSession, owner: str, task: str, bytes_max: int) -> SubmittedTask | None:
    """Find what was submitted as a task of an owner. An input of more than ``bytes_max`` is not read."""
    columns = tables.tasks.c
    written = cast(columns.input, Text)
    found = select(
        columns.kind, columns.labels, case((func.octet_length(written) <= bytes_max, written)).label("input")
    ).where(columns.id == task, columns.owner == owner)
    row = (await session.execute(found)).one_or_none()
    return None if row is None else SubmittedTask(row.kind, labels_of_entries(row.labels), row.input)


async def find_states(session: AsyncSession, owner: str, ids: Collection[str]) -> dict[str, State]:
    """Find the states of those tasks of an owner that there are, by their ids."""
    columns = tables.tasks.c
    found = select(columns.id, columns.state).where(columns.id.in_(ids), columns.owner == owner)
    return {row[0]: State(row[1]) for row in await session.execute(found)} if ids else {}


async def find_summary_and_headers(session: AsyncSession, owner: str, task: str) -> SummaryAndHeaders | None:
    """Find one task of an owner as far as a caller needs it who appends an event to a task that has left the log."""
    columns = tables.tasks.c
    row = await fetch_row(session, TaskSummaryRow, SELECT_SUMMARY.where(columns.id == task, columns.owner == owner))
    if row is None:
        return None
    return SummaryAndHeaders(to_task(row, TaskSummary), msgspec.json.decode(row.headers, type=dict[str, str]))


async def list_newest(
    session: AsyncSession, owner: str, wanted: TaskFilter, after: Cursor | None, limit: int
) -> tuple[list[TaskSummary], Cursor | None]:
    """List one page of an owner's tasks, newest first.

    Returns:
        The tasks, and where the next page begins; None on the last page.
    """
    asked = {"owner": owner, **given_filters(wanted), **page_parameters(after, limit + 1)}
    rows = await fetch_rows(session, TaskSummaryRow, _select_newest(frozenset(asked)), asked)
    page = rows[:limit]
    more = Cursor(page[-1].created_at, page[-1].id) if len(rows) > limit else None
    return [to_task(row, TaskSummary) for row in page], more


async def list_longest(
    session: AsyncSession, owner: str, wanted: LongestFilter, after: DurationCursor | None, limit: int
) -> tuple[list[TaskSummary], DurationCursor | None]:
    """List one page of an owner's tasks of which a duration is known, the longest first.

    Returns:
        The tasks, and where the next page begins; None on the last page.
    """
    asked: dict[str, Any] = {"owner": owner, **given_filters(wanted), "limit": limit + 1}
    if after is not None:
        asked |= {"after_seconds": after.seconds, "after_id": after.id}
    duration = str(asked.pop("duration"))
    rows = await fetch_rows(session, TaskSummaryRow, _select_longest(duration, frozenset(asked)), asked)
    page = rows[:limit]
    more = DurationCursor(getattr(page[-1], duration), page[-1].id) if len(rows) > limit else None
    return [to_task(row, TaskSummary) for row in page], more


async def list_running(session: AsyncSession, owner: str, limit: int) -> list[TaskSummary]:
    """List an owner's tasks that run, those first that run for the longest. As many as run are read."""
    rows = await fetch_rows(session, TaskSummaryRow, _select_running(), {"owner": owner, "limit": limit})
    return [to_task(row, TaskSummary) for row in rows]


@cache
def _select_running() -> Select[Any]:
    columns = tables.tasks.c
    running = SELECT_SUMMARY.where(columns.owner == bindparam("owner"), columns.state == State.RUNNING)
    return running.order_by(columns.started_at, columns.id).limit(bindparam("limit"))


@cache
def _select_longest(duration: str, asked: frozenset[str]) -> Select[Any]:
    """Build the query for a page of such a list, as `_select_newest`; an index has the tasks of each state in its order."""
    of: dict[str, BindParameter[Any]] = {name: bindparam(name) for name in asked}
    length, id_ = tables.tasks.c[duration], tables.tasks.c.id
    conditions = [*conditions_of(of["owner"], of.get("kind"), None), length.is_not(None)]
    if "longer_than" in of:
        conditions.append(length > of["longer_than"])
    if "after_id" in of:
        conditions.append(tuple_(length, id_) < tuple_(of["after_seconds"], of["after_id"]))
    states = [of["state"]] if "state" in of else list(State)
    return merge_states(_SUMMARY, conditions, states, of["limit"], lambda of: [of[duration].desc(), of.id.desc()])


@cache
def _select_newest(asked: frozenset[str]) -> Select[Any]:
    """Build the query for a page of the list, once for each set of parameters that lists are asked for with."""
    of: dict[str, BindParameter[Any]] = {name: bindparam(name) for name in asked}
    states = [of["state"]] if "state" in of else list(State)
    return select_newest(_SUMMARY, conditions_of(of["owner"], of.get("kind"), of.get("batch")), states, of)


def conditions_of(owner: Value, kind: Value | None, batch: Value | None) -> list[ColumnElement[bool]]:
    """Return the conditions for the tasks of an owner; None stands for any kind, or for tasks in any batch or in none."""
    columns = tables.tasks.c
    conditions: list[ColumnElement[bool]] = [columns.owner == owner]
    if kind is not None:
        conditions.append(columns.kind == kind)
    if batch is not None:
        conditions.append(columns.batch == batch)
    if kind is not None and batch is not None:
        # All tasks of a batch have its kind, so Postgres need not read a batch of another kind to find nothing.
        of_batches = tables.batches.c
        conditions.append(~exists().where(of_batches.id == batch, of_batches.kind != kind))
    return conditions


async def list_timeline(session: AsyncSession, task: str) -> list[TimelineEntry]:
    """List the events of a task that the read model keeps, oldest first."""
    columns = tables.task_events.c
    oldest = _SELECT_EVENT.where(columns.task == task).order_by(columns.epoch, columns.sequence)
    rows = await fetch_rows(session, EventRow, oldest.limit(TIMELINE_EVENTS_MAX))
    return [to_contract(row, TimelineEntry, data=Raw(row.data.encode())) for row in rows]


def to_task(row: TaskSummaryRow, contract: type[C], **unread: Raw) -> C:
    """Build a task as clients see it, whole or as a summary.

    Timers go off a moment early (see `headrace.log.timers`), so a queued task is still pending until it is due.
    """
    state = State(row.state)
    if state is State.QUEUED and row.due_at is not None and row.due_at > clock.now():
        state = State.PENDING
    due_at = row.due_at if state is State.PENDING else None
    return to_contract(row, contract, state=state, due_at=due_at, labels=labels_of_entries(row.labels), **unread)
