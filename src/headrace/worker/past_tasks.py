"""Tasks and batches of the owner of a task, read from the log for its handler: a worker has no database."""

from __future__ import annotations

import asyncio
import re
import uuid
from collections.abc import Iterable
from pathlib import Path

import msgspec
from msgspec import Raw

from headrace.contracts.batches import Batch
from headrace.contracts.events import EventName, Finished
from headrace.contracts.large_values import StoredValue
from headrace.contracts.patterns import WORD_PATTERN
from headrace.contracts.positions import Position
from headrace.contracts.tasks import NULL, State
from headrace.errors import LogUnavailable
from headrace.lifecycle.batch_state import read_batch_state
from headrace.lifecycle.task_state import read_nearest_state, read_record
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.memberships import batch_of, title_with_fallback
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.sdk.files import FileTooLarge, NoFileStore
from headrace.sdk.past_tasks import (
    BATCH_RESULT_BYTES_MAX,
    RESULT_BYTES_MAX,
    PastBatch,
    PastTask,
    TaskMissing,
    TasksUnavailable,
)
from headrace.worker.file_store import FileStore

_is_id = re.compile(WORD_PATTERN).match
_encode = msgspec.json.Encoder().encode


class PastTasks:
    """Reads tasks and batches for one attempt. Whatever belongs to somebody else is missing.

    Args:
        log: The log.
        store: Where large results are; None when the settings name no store.
        owner: The owner of the task that reads.
        directory: The local files of the attempt.
    """

    def __init__(self, log: Log, store: FileStore | None, owner: str, directory: Path) -> None:
        self._log = log
        self._store = store
        self._owner = owner
        self._directory = directory

    async def read_task(self, task: object) -> PastTask:
        """Read a task. Raises as `headrace.task.Context.read_task`."""
        try:
            found = await read_nearest_state(self._log, self._owner, _checked_id(task, "task"))
        except LogUnavailable as error:
            raise TasksUnavailable from error
        if found is None or found.is_deleted:
            raise TaskMissing(
                f"there is no task {task!r}; it may have been deleted, or be older than what the log keeps"
            )
        summary = found.summarize(self._log.epoch)
        finished = found.finish_event if found.is_over else None
        result = await self._result_of(finished)
        return PastTask(
            id=summary.id,
            kind=summary.kind,
            owner=summary.owner,
            title=summary.title,
            state=summary.state,
            attempt=summary.attempt,
            error=summary.error,
            result=result,
            result_bytes=len(result),
            finished_at=summary.finished_at,
            run_seconds=summary.run_seconds,
            queued_seconds=summary.wait_seconds,
        )

    async def read_batch(self, batch: object) -> PastBatch:
        """Read a batch and its tasks. Raises as `headrace.task.Context.read_batch`."""
        id_ = _checked_id(batch, "batch")
        try:
            found = await read_batch_state(self._log, self._owner, id_)
            if found is None:
                raise TaskMissing(f"there is no batch {batch!r}; it may be older than what the log keeps")
            begin = await self._log.replayer.last(subjects.batch_event("created", self._owner, id_))
            tasks = _TaskLines(self._directory / f"{uuid.uuid4()}.ndjson")
            await self._read_tasks(found, tasks, begin.sequence if begin is not None else 1)
        except LogUnavailable as error:
            raise TasksUnavailable from error
        return PastBatch(
            id=found.id,
            kind=found.kind,
            owner=found.owner,
            name=found.name,
            total=found.total,
            created_at=found.created_at,
            settled_at=found.settled_at,
            finished=len(tasks.newest),
            path=str(tasks.path),
            superseded=frozenset(tasks.superseded),
        )

    async def _read_tasks(self, batch: Batch, tasks: _TaskLines, start: int) -> None:
        """Read the ends of the tasks of a batch, among those of all tasks of its kind that ended after it was submitted."""
        subject = subjects.task_events(self._owner, kind=batch.kind, event=EventName.FINISHED)
        settled = Position.parse(batch.position).sequence if batch.settled_at is not None else None
        await asyncio.to_thread(tasks.begin)
        while True:
            page = await self._log.replayer.page(subject, start=start)
            of_batch = [each for each in page.records if batch_of(each.headers) == batch.id]
            await asyncio.to_thread(tasks.add, of_batch)
            if not page.more or not page.records:
                return
            start = page.records[-1].sequence + 1
            if settled is not None and start > settled and len(tasks.newest) >= batch.total:
                return

    async def _result_of(self, finished: Finished | None) -> Raw:
        if finished is None or (value := finished.stored_result) is None:
            return NULL if finished is None else finished.result
        if value.size > RESULT_BYTES_MAX:
            raise FileTooLarge(f"the result has {value.size:,} bytes; at most {RESULT_BYTES_MAX:,} are read")
        return Raw(await self._read_value(value))

    async def _read_value(self, value: StoredValue) -> bytes:
        if self._store is None:
            raise NoFileStore("the result is in object storage, which this worker has not; set HEADRACE_OBJECTS_URL")
        return await self._store.read_value(self._owner, value)


class _TaskLines:
    """The tasks of a batch on disk, one on each line.

    Attributes:
        newest: The newest line of each task.
        superseded: The lines about earlier runs.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.newest: dict[str, int] = {}
        self.superseded: set[int] = set()
        self._lines = 0

    def begin(self) -> None:
        """Make an empty file.

        Raises:
            OSError: There is no room.
        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.touch(mode=0o600)

    def add(self, records: Iterable[Record]) -> None:
        """Add tasks that have ended.

        Raises:
            OSError: There is no room.
        """
        with self.path.open("ab") as lines:
            for task in filter(None, map(_describe, records)):
                lines.write(_encode(task) + b"\n")
                self._note(task.id)

    def _note(self, task: str) -> None:
        if (before := self.newest.get(task)) is not None:
            self.superseded.add(before)
        self.newest[task] = self._lines
        self._lines += 1


def _describe(record: Record) -> PastTask | None:
    """Return the task of a `finished` event; None when it is none that can be read."""
    subject, event = TaskSubject.parse(record.subject), read_record(record)
    if not isinstance(event, Finished):
        return None
    size = event.stored_result.size if event.stored_result is not None else len(event.result)
    return PastTask(
        id=subject.task,
        kind=subject.kind,
        owner=subject.owner,
        title=title_with_fallback(record.headers, None, subject.task),
        state=State(event.outcome),
        attempt=event.attempt,
        error=event.error,
        result=event.result if size <= BATCH_RESULT_BYTES_MAX else NULL,
        result_bytes=size,
        finished_at=event.restored or record.at,
        run_seconds=event.run_seconds,
        queued_seconds=event.queued_seconds,
    )


def _checked_id(given: object, what: str) -> str:
    if not isinstance(given, str):
        raise TypeError(f"a {what} is read by its id, not by {type(given).__name__}")
    if not _is_id(given):
        raise TaskMissing(f"{given[:80]!r} is no id of a {what}")
    return given
