"""The queries for the page of one task: the task whoever owns it, and its neighbours. `EVERYBODY` in place of an owner means any."""

from __future__ import annotations

from typing import Any, NamedTuple

from msgspec import Raw
from sqlalchemy import ARRAY, Select, Text, any_, bindparam, select, tuple_

from headrace.contracts.tasks import State, Task
from headrace.store import tables
from headrace.store.by_age import merge_states, newest_first, oldest_first
from headrace.store.reading import columns_of, fetch_row
from headrace.store.snapshot import Reads
from headrace.store.tables import EVERYBODY, TaskRow
from headrace.store.tasks import to_task

_C = tables.tasks.c
_SELECT_TASK = select(*columns_of(tables.tasks, TaskRow)).where(_C.id == bindparam("task"))
_SELECT_TASK_OF_OWNER = _SELECT_TASK.where(_C.owner == bindparam("owner"))
_SELECT_THERE = select(_C.id).where(_C.id == any_(bindparam("ids", type_=ARRAY(Text))), _C.owner == bindparam("owner"))


class Neighbours(NamedTuple):
    """The ids of the tasks that were submitted next and before; None where there is none."""

    newer: str | None
    older: str | None


async def find_task(session: Reads, owner: str, task: str) -> Task | None:
    """Find one task, with its input and result."""
    asked = {"task": task}
    if owner == EVERYBODY:
        row = await fetch_row(session, TaskRow, _SELECT_TASK, asked)
    else:
        row = await fetch_row(session, TaskRow, _SELECT_TASK_OF_OWNER, asked | {"owner": owner})
    if row is None:
        return None
    return to_task(row, Task, input=Raw(row.input.encode()), result=Raw((row.result or "null").encode()))


async def find_neighbours_in_batch(session: Reads, task: Task, index: int) -> Neighbours:
    """Find the tasks that have the inputs before and behind that of a task, whose index is known."""
    newer, older = f"{task.batch}-{index + 1}", f"{task.batch}-{index - 1}"
    there = set(await session.scalars(_SELECT_THERE, {"ids": [newer, older], "owner": task.owner}))
    return Neighbours(newer if newer in there else None, older if older in there else None)


async def find_neighbours_of_kind(session: Reads, task: Task) -> Neighbours:
    """Find the tasks of the same kind and owner that were submitted before and after a task."""
    asked = {"owner": task.owner, "kind": task.kind, "at": task.created_at, "id": task.id}
    return Neighbours(await session.scalar(_SELECT_NEWER, asked), await session.scalar(_SELECT_OLDER, asked))


def _select_next(*, is_newer: bool) -> Select[Any]:
    """Build the query for the next task of a kind, which reads one row of each state from `tasks_of_kind_by_age`."""
    place, here = tuple_(_C.created_at, _C.id), tuple_(bindparam("at"), bindparam("id"))
    conditions = [
        _C.owner == bindparam("owner"),
        _C.kind == bindparam("kind"),
        place > here if is_newer else place < here,
    ]
    order = oldest_first if is_newer else newest_first
    found = merge_states([_C.id, _C.created_at], conditions, list(State), 1, order).subquery()
    return select(found.c.id)


_SELECT_NEWER = _select_next(is_newer=True)
_SELECT_OLDER = _select_next(is_newer=False)
