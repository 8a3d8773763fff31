"""The state of a task, read from the log alone: cancelling, reopening and idempotency keys decide by it."""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

from headrace.contracts.events import Deferred, Deleted, Event, EventName, Finished, Queued, Started, read
from headrace.contracts.positions import Position
from headrace.contracts.tasks import Priority, State, TaskError, TaskSummary
from headrace.log import clock, subjects
from headrace.log.agreed import last_of_each_agreed, read_caught_up
from headrace.log.connection import Log
from headrace.log.memberships import batch_of, labels_of, schedule_of, title_with_fallback
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject


class TaskState(NamedTuple):
    """The state of a task, as the log has it.

    Attributes:
        subject: The subject of one of the task's events.
        oldest_record: The oldest event of the task in the log.
        newest_record: The newest event of the task.
        queued_record: The newest `queued` or `deferred` event; None when the log has none any more.
        queued_event: The event of `queued_record`.
        is_started: Whether a worker has started what `queued_record` holds.
        finish_record: The newest `finished` event.
        finish_event: The event of `finish_record`.
        started_at: When a worker has started it; None when none has.
        queued_seconds: How long it waited for that start; None when none has started it.
        deleted_at: Where the log has the deletion of the task; 0 when it was not deleted. Some of its events may not be erased yet.
    """

    subject: TaskSubject
    oldest_record: Record
    newest_record: Record
    queued_record: Record | None
    queued_event: Queued | Deferred | None
    is_started: bool
    finish_record: Record | None
    finish_event: Finished | None
    started_at: datetime | None = None
    queued_seconds: float | None = None
    deleted_at: int = 0

    @property
    def is_deleted(self) -> bool:
        """Whether the task was deleted, and not made anew since."""
        return self.deleted_at > 0

    @property
    def is_over(self) -> bool:
        """Whether the latest run has ended."""
        if self.is_deleted:
            return True
        queued, finish = self.queued_event, self.finish_record
        return finish is not None and (queued is None or queued.fence < finish.sequence)

    @property
    def fence(self) -> int:
        """The fence of the latest run. When that run is over, the fence of the next one."""
        if self.is_over and self.finish_record is not None:
            return self.finish_record.sequence
        return self.queued_event.fence if self.queued_event is not None else 0

    @property
    def headers(self) -> dict[str, str]:
        """The headers that every event of the task carries."""
        carried = self.newest_record.headers
        return {name: carried[name] for name in subjects.CARRIED if name in carried}

    @property
    def created_at(self) -> datetime:
        """When the task was submitted, as far as the log has its events."""
        oldest = _decode_finished(self.oldest_record)
        withdrawn = None if oldest is None else oldest.withdrawn
        return self.oldest_record.at if withdrawn is None else withdrawn.at

    def run_seconds(self, now: datetime) -> float | None:
        """Return for how long what was started has run at a time by the clock of the log; None when nothing was started."""
        return None if self.started_at is None else max(0.0, (now - self.started_at).total_seconds())

    def summarize(self, epoch: int) -> TaskSummary:
        """Return the task as clients see it.

        Args:
            epoch: The epoch of the log, for the position of the summary.
        """
        finished = self.finish_event if self.is_over else None
        queued, started_at = self.queued_event, self.started_at
        if finished is not None and finished.withdrawn is not None:
            # A start that came too late counts for nothing.
            queued, started_at = finished.withdrawn.queued, None
        state, headers = self._state(queued, finished), self.newest_record.headers
        return TaskSummary(
            id=self.subject.task,
            kind=self.subject.kind,
            priority=Priority(self.subject.priority),
            owner=self.subject.owner,
            title=title_with_fallback(headers, None if queued is None else queued.input, self.subject.task),
            labels=labels_of(headers),
            batch=batch_of(headers),
            schedule=schedule_of(headers),
            state=state,
            attempt=self._attempt(queued, finished),
            max_attempts=queued.max_attempts if queued is not None else None,
            error=_error(queued, finished),
            due_at=queued.due_at if queued is not None and state is State.PENDING else None,
            expires_at=queued.expires_at if queued is not None else None,
            created_at=self.created_at,
            started_at=started_at,
            finished_at=self.finish_record.at if finished is not None and self.finish_record is not None else None,
            wait_seconds=None if started_at is None else self.queued_seconds,
            run_seconds=None if finished is None else finished.run_seconds,
            position=str(Position(epoch, self.newest_record.sequence)),
        )

    def _state(self, queued: Queued | Deferred | None, finished: Finished | None) -> State:
        if finished is not None:
            return State(finished.outcome)
        if queued is None or self.is_started:
            return State.RUNNING
        # The broker's timer queues a task a little before it is due.
        is_early = queued.due_at is not None and queued.due_at > clock.now()
        return State.PENDING if isinstance(queued, Deferred) or is_early else State.QUEUED

    def _attempt(self, queued: Queued | Deferred | None, finished: Finished | None) -> int:
        if finished is not None:
            return finished.attempt
        event = queued or read_record(self.newest_record)
        return 1 if event is None else event.attempt


def _error(queued: Queued | Deferred | None, finished: Finished | None) -> TaskError | None:
    if finished is not None:
        return finished.error
    return queued.error if isinstance(queued, Deferred) else None


class Gone(NamedTuple):
    """The task was deleted."""


async def read_task_state(log: Log, owner: str, task: str, *, is_agreed: bool = False) -> TaskState | None:
    """Read the state of a task; None when the log has no event of it.

    With a replicated log, the answer contains every event that the leader had when this was called. That there is none is
    confirmed by a majority of the servers.

    Args:
        log: The log.
        owner: The owner of the task.
        task: Its id.
        is_agreed: Whether the answer has to contain every event that a majority had, see `headrace.lifecycle.confirmed_state`.

    Raises:
        LogUnavailable: the log does not answer, there is no majority, or a replica stays behind, as one does that is cut off from
            the others; see `headrace.log.agreed`.
    """
    if log.settings.replicas == 1:
        return await _read(log, owner, task)
    every_event = subjects.task_events(owner, task)
    newest = 0 if is_agreed else await log.replayer.leading.last(every_event)
    if not newest:
        # A server that leads no more, and does not know it yet, has no task that was accepted since.
        newest = max(map(_sequence, await last_of_each_agreed(log, every_event)), default=0)
    if not newest:
        return None

    async def read_whole() -> TaskState | None:
        state = await _read(log, owner, task)
        return state if state is not None and state.newest_record.sequence >= newest else None

    return await read_caught_up(read_whole)


async def _read(log: Log, owner: str, task: str) -> TaskState | None:
    every_event = subjects.task_events(owner, task)
    newest = {TaskSubject.parse(each.subject).event: each for each in await log.replayer.last_of_each(every_event)}
    if not newest:
        return None
    newest_record = max(newest.values(), key=_sequence)
    oldest = await log.replayer.page(every_event, records=1)
    if not oldest.records:
        # Another replica has answered this, which is behind; or the events have left the log in between.
        return None
    queued_record = _newest_queued(newest.get(EventName.QUEUED), newest.get(EventName.DEFERRED))
    started, finish_record = newest.get(EventName.STARTED), newest.get(EventName.FINISHED)
    if started is not None and queued_record is not None and started.sequence < queued_record.sequence:
        # It was an earlier attempt.
        started = None
    return TaskState(
        subject=TaskSubject.parse(newest_record.subject),
        oldest_record=oldest.records[0],
        newest_record=newest_record,
        queued_record=queued_record,
        queued_event=_decode_queued(queued_record),
        is_started=started is not None,
        finish_record=finish_record,
        finish_event=_decode_finished(finish_record),
        started_at=None if started is None else started.at,
        queued_seconds=_queued_seconds(started),
        deleted_at=_deletion(newest.get(EventName.DELETED), queued_record),
    )


def _deletion(deleted: Record | None, queued: Record | None) -> int:
    """Return where a task was deleted, unless it was made anew since. A worker that comes late may finish it behind that."""
    if deleted is None or (queued is not None and queued.sequence > deleted.sequence):
        return 0
    return deleted.sequence if isinstance(read_record(deleted), Deleted) else 0


def _newest_queued(queued: Record | None, deferred: Record | None) -> Record | None:
    """Return the record that says what the task waits for, or has been started from.

    A large `deferred` event may arrive after its timer has fired. It then stands behind the `queued` event of the same attempt,
    and says nothing new.
    """
    if queued is None or deferred is None:
        return queued or deferred
    if queued.sequence > deferred.sequence:
        return queued
    before, after = _decode_queued(queued), _decode_queued(deferred)
    is_late = (
        before is not None and after is not None and (before.fence, before.attempt) == (after.fence, after.attempt)
    )
    return queued if is_late else deferred


def _queued_seconds(started: Record | None) -> float | None:
    event = None if started is None else read_record(started)
    return event.queued_seconds if isinstance(event, Started) else None


def _sequence(record: Record) -> int:
    return record.sequence


def _decode_queued(record: Record | None) -> Queued | Deferred | None:
    event = None if record is None else read_record(record)
    return event if isinstance(event, Queued | Deferred) else None


def _decode_finished(record: Record | None) -> Finished | None:
    event = None if record is None else read_record(record)
    return event if isinstance(event, Finished) else None


def read_record(record: Record) -> Event | None:
    """Decode the event of a task's record or timer, whoever wrote it, as `headrace.contracts.events.read`."""
    subject = record.headers.get(subjects.SCHEDULE_TARGET, record.subject)
    return read(TaskSubject.parse(subject).event, record.payload)


def state_from_timer(timer: Record) -> TaskState:
    """Return the state of a task whose timer is all that the log has: it waits for longer than the log keeps events."""
    return TaskState(
        subject=TaskSubject.parse(timer.headers[subjects.SCHEDULE_TARGET]),
        oldest_record=timer,
        newest_record=timer,
        queued_record=timer,
        queued_event=_decode_queued(timer),
        is_started=False,
        finish_record=None,
        finish_event=None,
    )


def subject_of(task: TaskSummary) -> TaskSubject:
    """Return the subject of a task's events, without the name of an event."""
    return TaskSubject("", task.kind, task.priority, task.owner, task.id)
