"""The log of many finished tasks, made up by their numbers: the same tasks at every size."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Final

from msgspec import Raw

from headrace.contracts.batches import BatchCreated, BatchEventName
from headrace.contracts.batches import encode as encode_batch
from headrace.contracts.events import EventName, Finished, Outcome, Queued, Started, encode
from headrace.contracts.tasks import FailureCode, Priority, TaskError
from headrace.log import subjects
from headrace.log.append import Message
from headrace.log.subjects import TaskSubject

KINDS: Final = 8
RARE_EVERY: Final = 1000  # one in so many is of a kind of its own
FOREIGN_EVERY: Final = 5  # one in so many belongs to one of 200 other owners
OWNERS: Final = 200
BATCH: Final = 1000  # tasks of a batch; every fourth task is in one
EVENTS: Final = 3  # of a task
OLD_DAYS: Final = 100  # since the finish of every fifth task

_INPUT = Raw(b'{"text":"the quick brown fox jumps over the lazy dog, and the dog dreams of it","pages":[1,2,3]}')
_RESULT = Raw(b'{"words":17,"score":0.75,"remark":"nothing to remark"}')


class History:
    """What happened to tasks by their numbers.

    Args:
        owner: Whose most of the tasks are.
    """

    def __init__(self, owner: str, *, has_old: bool = True) -> None:
        self._has_old = has_old
        self._owner = owner
        self._old = datetime.now(UTC) - timedelta(days=OLD_DAYS)

    def batch_of(self, number: int) -> str | None:
        """The batch of a task, if it has one."""
        return f"scale-batch-{number // 4 // BATCH}" if number % 4 == 0 else None

    def task(self, number: int) -> str:
        """The id of a task; the ids of the tasks of one number sort as they were made."""
        return f"scale-{number:08}"

    def is_old(self, number: int) -> bool:
        """Whether a task finished long ago; none that is in a batch did."""
        return self._has_old and number % 20 in (1, 5, 9, 13)

    def subject(self, number: int) -> TaskSubject:
        """The subject of a task's events, without the event."""
        batch = self.batch_of(number)
        of_batch = number // 4 // BATCH
        kind = f"scale_{(of_batch if batch else number // 4) % KINDS}"
        if number % RARE_EVERY == 3:
            kind = "scale_rare"
        foreign = batch is None and number % FOREIGN_EVERY == 2
        owner = f"scale-owner-{number % OWNERS}" if foreign else self._owner
        return TaskSubject("", kind, Priority.LOW if batch else Priority.NORMAL, owner, self.task(number))

    def events(self, number: int, count: int) -> Iterator[Message]:
        """What the log has of a task; the first of a batch comes after the batch's own beginning.

        Args:
            number: The number of the task.
            count: How many tasks there are in all; the last batch may be short.
        """
        subject, batch = self.subject(number), self.batch_of(number)
        headers = {} if batch is None else {subjects.BATCH: batch}
        if batch is not None and number // 4 % BATCH == 0:
            members = min(BATCH, -(-(count - number) // 4))
            created = BatchCreated(kind=subject.kind, total=members, priority=Priority.LOW)
            yield Message(subjects.batch_event(BatchEventName.CREATED, self._owner, batch), encode_batch(created), {})
        waited, ran = 0.001 * (1 + number % 97), 0.002 * (1 + number % 211)
        queued = Queued(attempt=1, fence=0, input=_INPUT, max_attempts=3)
        yield Message(subject.of(EventName.QUEUED), encode(queued), headers)
        started = Started(attempt=1, worker=f"bench-{number % 4}", queued_seconds=waited)
        yield Message(subject.of(EventName.STARTED), encode(started), headers)
        finished = self._finish(number, waited, ran)
        yield Message(subject.of(EventName.FINISHED), encode(finished), {**headers, subjects.OUTCOME: finished.outcome})

    def _finish(self, number: int, waited: float, ran: float) -> Finished:
        restored = self._old if self.is_old(number) else None
        outcome, result, error = Outcome.SUCCEEDED, _RESULT, None
        if number % 50 == 7:
            outcome, result = Outcome.CANCELLED, Raw(b"null")
        elif number % 12 == 5:
            outcome, result = Outcome.FAILED, Raw(b"null")
            code = FailureCode.TIMEOUT if number % 24 == 5 else FailureCode.RAISED
            error = TaskError(code=code, message="it did not go well", traceback="Traceback\n  File …\nValueError: no")
        return Finished(
            attempt=1,
            outcome=outcome,
            result=result,
            error=error,
            worker=f"bench-{number % 4}",
            queued_seconds=waited,
            run_seconds=ran,
            restored=restored,
        )
