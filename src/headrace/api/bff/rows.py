"""The rows of tasks and batches on screens. What a row refers to is looked up for all rows of a page together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from headrace.contracts.batches import Batch
from headrace.contracts.screens.envelope import Ref
from headrace.contracts.screens.rows import BatchRow, RowError, TaskRow
from headrace.contracts.tasks import Progress, State, TaskError, TaskSummary
from headrace.contracts.titles import short_id
from headrace.printable import printable_lines
from headrace.store.names import FoundNames, find_names
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

    owners: Mapping[str, str | None] | None
    batches: Mapping[str, str | None]
    schedules: Mapping[str, str | None]
    workers: Mapping[str, str]


class RowBuilder:
    """Builds the rows of one screen. What several of them refer to is looked up once.

    Args:
        show_owners: Whether the rows say whose they are; for administrators only.
    """

    def __init__(self, *, show_owners: bool) -> None:
        self._show_owners = show_owners
        self._known = FoundNames({}, {}, {})

    async def task_rows(self, session: Reads, tasks: Sequence[TaskSummary]) -> list[TaskRow]:
        """Build the rows of some tasks, in their order; the session is the one in which the tasks were read."""
        await self._look_up(
            session,
            owners={each.owner for each in tasks},
            batches={each.batch for each in tasks if each.batch is not None},
            schedules={each.schedule for each in tasks if each.schedule is not None},
        )
        workers = await find_workers(session, [each.id for each in tasks if each.state is State.RUNNING])
        names = Names(self._owners, self._known.batches, self._known.schedules, workers)
        return [task_row(each, names) for each in tasks]

    async def batch_rows(self, session: Reads, batches: Sequence[Batch]) -> list[BatchRow]:
        """Build the rows of some batches, in their order; see `task_rows`."""
        self._known.batches.update((each.id, each.name) for each in batches)
        await self._look_up(session, {each.owner for each in batches}, set(), set())
        return [_batch_row(each, self._owners) for each in batches]

    @property
    def _owners(self) -> Mapping[str, str | None] | None:
        return self._known.owners if self._show_owners else None

    async def _look_up(self, session: Reads, owners: set[str], batches: set[str], schedules: set[str]) -> None:
        """Find the names that are not known yet."""
        known = self._known
        # Accounts stand in the same database.
        unknown = owners - known.owners.keys() if self._show_owners else set[str]()
        found = await find_names(session, unknown, batches - known.batches.keys(), schedules - known.schedules.keys())
        for more, one in zip(found, known, strict=True):
            one.update(more)


async def task_rows(session: Reads, tasks: Sequence[TaskSummary], *, show_owners: bool) -> list[TaskRow]:
    """Build the rows of the only tasks of a screen, see `RowBuilder`."""
    return await RowBuilder(show_owners=show_owners).task_rows(session, tasks)


async def batch_rows(session: Reads, batches: Sequence[Batch], *, show_owners: bool) -> list[BatchRow]:
    """Build the rows of the only batches of a screen, see `RowBuilder`."""
    return await RowBuilder(show_owners=show_owners).batch_rows(session, batches)


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
        progress=None if task.progress is None else _progress(task.progress),
        error=None if task.error is None else _error(task.error),
        files=sum(each.role is None for each in task.files),
        due_at=task.due_at,
        expires_at=task.expires_at,
        created_at=task.created_at,
        started_at=task.started_at,
        finished_at=task.finished_at,
        wait_seconds=task.wait_seconds,
        run_seconds=task.run_seconds,
        position=task.position,
    )


def _error(error: TaskError) -> RowError:
    # Handlers write what they like, and a row shows it to others.
    return RowError(code=error.code, message=printable_lines(error.message))


def _progress(progress: Progress) -> Progress:
    return progress if progress.message is None else replace(progress, message=printable_lines(progress.message))


def _batch_row(batch: Batch, owners: Mapping[str, str | None] | None) -> BatchRow:
    return BatchRow(
        id=batch.id,
        kind=batch.kind,
        name=batch.name,
        labels=batch.labels,
        priority=batch.priority,
        owner=_owner(batch.owner, owners),
        total=batch.total,
        counts=batch.counts,
        state=batch.state,
        created_at=batch.created_at,
        cancelled_at=batch.cancelled_at,
        settled_at=batch.settled_at,
        position=batch.position,
    )


def _owner(owner: str, names: Mapping[str, str | None] | None) -> Ref | None:
    return None if names is None else Ref(id=owner, name=names.get(owner))
