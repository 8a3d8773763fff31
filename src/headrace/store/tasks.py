"""The queries of the API about tasks. Each is scoped to an owner."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any, NamedTuple

import msgspec
from msgspec import Raw
from sqlalchemy import ARRAY, Select, Text, any_, bindparam, select, text

from headrace.contracts.labels import labels_of_entries
from headrace.contracts.tasks import State, Task, TaskSummary, TimelineEntry
from headrace.log import clock
from headrace.store import tables
from headrace.store.filtered_tasks import Found, find_page
from headrace.store.filters import Conditions
from headrace.store.reading import C, columns_of, fetch_row, fetch_rows, to_contract
from headrace.store.snapshot import Reads
from headrace.store.tables import EventRow, TaskRow, TaskSummaryRow
from headrace.store.task_orders import Order, Place

TIMELINE_EVENTS_MAX = 1000  # a task with more has been run again hundreds of times

_SELECT_TASK = select(*columns_of(tables.tasks, TaskRow))
SELECT_SUMMARY = select(*columns_of(tables.tasks, TaskSummaryRow))
_SELECT_SUMMARIES = SELECT_SUMMARY.where(tables.tasks.c.id == any_(bindparam("ids", type_=ARRAY(Text))))
# An input that is too large for an event is null in its row.
_SELECT_SUBMITTED = text("""
    SELECT kind, labels,
        CASE WHEN octet_length(input::text) <= :bytes_max AND input::text <> 'null' THEN input::text END AS input
    FROM tasks WHERE id = :task AND owner = :owner
""")
_SELECT_STATES = text("SELECT id, state FROM tasks WHERE id = ANY(CAST(:ids AS text[])) AND owner = :owner")
_SELECT_TITLES = text("SELECT id, title FROM tasks WHERE id = ANY(CAST(:ids AS text[])) AND owner = :owner")
_SELECT_TIMELINE = (
    select(*columns_of(tables.task_events, EventRow))
    .where(tables.task_events.c.task == bindparam("task"))
    .order_by(tables.task_events.c.epoch, tables.task_events.c.sequence)
    .limit(TIMELINE_EVENTS_MAX)
)


class SubmittedTask(NamedTuple):
    """What was submitted as a task; the ``input`` as JSON, None when it is larger than wanted."""

    kind: str
    labels: dict[str, str]
    input: str | None


class SummaryAndHeaders(NamedTuple):
    """A task whose events may have left the log; ``headers`` are those that each of its events carried."""

    summary: TaskSummary
    headers: dict[str, str]


async def find_task(session: Reads, owner: str, task: str) -> Task | None:
    """Find one task of an owner, with its input and result."""
    columns = tables.tasks.c
    row = await fetch_row(session, TaskRow, _SELECT_TASK.where(columns.id == task, columns.owner == owner))
    if row is None:
        return None
    return to_task(row, Task, input=Raw(row.input.encode()), result=Raw((row.result or "null").encode()))


async def find_submitted(session: Reads, owner: str, task: str, bytes_max: int) -> SubmittedTask | None:
    """Find what was submitted as a task of an owner. An input of more than ``bytes_max`` is not read."""
    asked = {"task": task, "owner": owner, "bytes_max": bytes_max}
    row = (await session.execute(_SELECT_SUBMITTED, asked)).one_or_none()
    return None if row is None else SubmittedTask(row.kind, labels_of_entries(row.labels), row.input)


async def find_states(session: Reads, owner: str, ids: Collection[str]) -> dict[str, State]:
    """Find the states of those tasks of an owner that there are, by their ids."""
    if not ids:
        return {}
    rows = await session.execute(_SELECT_STATES, {"ids": list(ids), "owner": owner})
    return {row[0]: State(row[1]) for row in rows}


async def find_titles(session: Reads, owner: str, ids: Collection[str]) -> dict[str, str]:
    """Find the titles of some tasks of an owner, by their ids; those that are gone are left out."""
    if not ids:
        return {}
    rows = await session.execute(_SELECT_TITLES, {"ids": list(ids), "owner": owner})
    return {row[0]: row[1] for row in rows}


async def find_summary_and_headers(session: Reads, owner: str, task: str) -> SummaryAndHeaders | None:
    """Find one task of an owner as far as a caller needs it who appends an event to a task that has left the log."""
    columns = tables.tasks.c
    row = await fetch_row(session, TaskSummaryRow, SELECT_SUMMARY.where(columns.id == task, columns.owner == owner))
    if row is None:
        return None
    return SummaryAndHeaders(to_task(row, TaskSummary), msgspec.json.decode(row.headers, type=dict[str, str]))


async def list_tasks(
    session: Reads, conditions: Conditions, order: Order, after: Place | None, limit: int
) -> tuple[list[TaskSummary], Place | None]:
    """List one page of the tasks that a filter selects.

    Args:
        session: A session that sees one moment, because a page is found before it is read.
        conditions: Which tasks.
        order: Their order.
        after: Where the page begins; None for the first one.
        limit: How many tasks it has at most.

    Returns:
        The tasks, and where the next page begins; None on the last page.
    """
    return await read_page(session, await find_page(session, conditions, order, after, limit + 1), limit)


async def read_page(session: Reads, found: Sequence[Found], limit: int) -> tuple[list[TaskSummary], Place | None]:
    """Read those of the tasks that were found which are on a page, and where the next page begins: that has the others."""
    page = found[:limit]
    more = Place(page[-1].value, page[-1].id) if len(found) > limit else None
    return await read_summaries(session, [each.id for each in page]), more


async def read_summaries(session: Reads, ids: Sequence[str]) -> list[TaskSummary]:
    """Read tasks of whatever owner, in the order of their ids; those that are gone are left out."""
    if not ids:
        return []
    rows = await fetch_rows(session, TaskSummaryRow, _SELECT_SUMMARIES, {"ids": ids})
    by_id = {row.id: row for row in rows}
    return [to_task(by_id[task], TaskSummary) for task in ids if task in by_id]


async def list_running(session: Reads, owner: str, limit: int) -> list[TaskSummary]:
    """List an owner's tasks that run, those first that run for the longest. As many as run are read."""
    rows = await fetch_rows(session, TaskSummaryRow, _select_running(), {"owner": owner, "limit": limit})
    return [to_task(row, TaskSummary) for row in rows]


@cache
def _select_running() -> Select[Any]:
    columns = tables.tasks.c
    running = SELECT_SUMMARY.where(columns.owner == bindparam("owner"), columns.state == State.RUNNING)
    return running.order_by(columns.started_at, columns.id).limit(bindparam("limit"))


async def list_timeline(session: Reads, task: str) -> list[TimelineEntry]:
    """List the events of a task that the read model keeps, oldest first."""
    rows = await fetch_rows(session, EventRow, _SELECT_TIMELINE, {"task": task})
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
