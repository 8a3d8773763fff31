"""Tasks and batches that a handler reads, such as those it writes a report about. Part of the SDK; import from `headrace.task`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Raw, Struct

from headrace.contracts.tasks import NULL, State, TaskError
from headrace.sdk.retries import Retry

RESULT_BYTES_MAX: Final = 8 << 20  # of JSON; a task with a larger result is not read
# Of JSON, of each task of a batch: 100,000 of them have room on the disk.
BATCH_RESULT_BYTES_MAX: Final = 16 << 10


class TaskMissing(Exception):
    """There is no such task or batch, or it belongs to somebody else, was deleted, or has left the log."""


class TasksUnavailable(Retry):
    """The log does not answer. The task is tried again, whatever the ``retry_on`` of its kind says."""

    def __init__(self, message: str = "the log is not available at the moment") -> None:
        super().__init__(None, message)


class PastTask(Struct, frozen=True, kw_only=True):
    """A task of the same owner.

    Attributes:
        id: Its id.
        kind: The name of its kind.
        owner: Its owner.
        title: What it is called in lists.
        state: Its state.
        attempt: Its newest attempt.
        error: Why it failed; None unless it has.
        result: Its result as JSON; null unless it has succeeded, and among the tasks of a batch also when it has more than 16 KB.
        result_bytes: The size of its result, in bytes of JSON.
        finished_at: When it ended.
        run_seconds: How long the attempt that ended it ran; None when none was started.
        queued_seconds: How long that attempt waited before its start.
    """

    id: str
    kind: str
    owner: str
    title: str
    state: State
    attempt: int
    error: TaskError | None = None
    result: Raw = NULL
    result_bytes: int = 0
    finished_at: datetime | None = None
    run_seconds: float | None = None
    queued_seconds: float | None = None


class PastBatch(Struct, frozen=True, kw_only=True):
    """A batch of the same owner.

    Attributes:
        id: Its id.
        kind: The name of the kind of its tasks.
        owner: Its owner.
        name: Its name for people.
        total: How many tasks were submitted.
        created_at: When it was submitted.
        settled_at: When its last task ended; None when some may go on.
        finished: How many of its tasks have ended and are in the log still.
        path: A local file of the attempt, which has a `PastTask` as JSON on each line.
        superseded: The numbers of lines, from 0, about tasks that were run once more and have another line.
    """

    id: str
    kind: str
    owner: str
    name: str | None
    total: int
    created_at: datetime
    settled_at: datetime | None
    finished: int
    path: str
    superseded: frozenset[int] = frozenset()

    def tasks(self) -> Iterator[PastTask]:
        """Read the tasks that have ended, in the order in which they did; none of them is kept in memory."""
        decode = msgspec.json.Decoder(PastTask).decode
        with Path(self.path).open("rb") as lines:
            for number, line in enumerate(lines):
                if number not in self.superseded:
                    yield decode(line)
