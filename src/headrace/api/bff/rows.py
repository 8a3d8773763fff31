"""The rows of tasks and batches on screens. What a row refers to is looked up for all rows of a page together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from headrace.contracts.batches import Batch
from headrace.contracts.screens.envelope import Ref
from headrace.contracts.screens.rows import BatchRow, RowError, TaskRow
from headrace.contracts.tasks import State, TaskSummary
from headrace.contracts.titles import short_id
from headrace.store import batches as stored_batches
from headrace.store import schedules as stored_schedules
from headrace.store import users
from headrace.store.snapshot import Reads
from headrace.store.task_workers import find_workers


class Names(NamedTuple):
    """What people know by name of what rows refer to, by id. What is gone has no name.

    Attributes:
        owners: The owners; None for a screen that does not show them.
        batches: The batches.
        schedules: The schedules.
        workers: The worker that runs a task, by the id of the task.
    """

    owners: Mapping[str, str] | None
    batches: Mapping[str, str | None]
    schedules: Mapping[str, str | None]
    workers: Mapping[str, str]


async def task_rows(session: Reads, tasks: Sequence[TaskSummary], *, show_owners: bool) -> list[TaskRow]:
    """Build the rows of some tasks, with one query for each sort of thing that they refer to.

    Args:
        session: A session on the read model, the one in which the tasks were read.
        tasks: The tasks.
        show_owners: Whether the rows say whose they are; for administrators only.

    Returns:
        The rows, in the order of the tasks.
    """
    names = Names(
        owners=await _owners(session, [each.owner for each in tasks], show_owners=show_owners),
        batches=await stored_batches.find_names(session, {each.batch for each in tasks if each.batch is not None}),
        schedules=await stored_schedules.find_names(
            session, {each.schedule for each in tasks if each.schedule is not None}
        ),
        workers=await find_workers(session, [each.id for each in tasks if each.state is State.RUNNING]),
    )
    return [task_row(each, names) for each in tasks]


async def batch_rows(session: Reads, batches: Sequence[Batch], *, show_owners: bool) -> list[BatchRow]:
    """Build the rows of some batches; see `task_rows`."""
    owners = await _owners(session, [each.owner for each in batches], show_owners=show_owners)
    return [_batch_row(each, owners) for each in batches]


def task_row(task: TaskSummary, names: Names) -> TaskRow:
    """Build the row of a task, once it is known what that refers to."""
    return TaskRow(
        id=task.id,
        kind=task.kind,
        # A row that an older version has written has no title until it is filled.
        title=task.title or short_id(task.id),
        labels=task.labels,
        owner=_owner(task.owner, names.owners),
        batch=None if task.batch is None else Ref(id=task.batch, name=names.batches.get(task.batch)),
        schedule=None if task.schedule is None else Ref(id=task.schedule, name=names.schedules.get(task.schedule)),
        priority=task.priority,
        state=task.state,
        attempt=task.attempt,
        max_attempts=task.max_attempts,
        worker=names.workers.get(task.id),
        progress=task.progress,
        error=None if task.error is None else RowError(code=task.error.code, message=task.error.message),
        files=len(task.files),
        due_at=task.due_at,
        expires_at=task.expires_at,
        created_at=task.created_at,
        started_at=task.started_at,
        finished_at=task.finished_at,
        position=task.position,
    )


def _batch_row(batch: Batch, owners: Mapping[str, str] | None) -> BatchRow:
    return BatchRow(
        id=batch.id,
        kind=batch.kind,
        name=batch.name,
        owner=_owner(batch.owner, owners),
        total=batch.total,
        counts=batch.counts,
        state=batch.state,
        created_at=batch.created_at,
        cancelled_at=batch.cancelled_at,
        settled_at=batch.settled_at,
        position=batch.position,
    )


async def _owners(session: Reads, owners: Sequence[str], *, show_owners: bool) -> Mapping[str, str] | None:
    if not show_owners:
        return None
    # Accounts stand in the same database.
    return await users.find_names(session, set(owners)) if owners else {}


def _owner(owner: str, names: Mapping[str, str] | None) -> Ref | None:
    return None if names is None else Ref(id=owner, name=names.get(owner))
