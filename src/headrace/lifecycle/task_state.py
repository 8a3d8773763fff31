"""Where a task stands, by the log alone: what the API goes by when it cancels, reopens or recognises a task."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import NamedTuple

from headrace.contracts.events import Deferred, EventName, Finished, Queued, decode
from headrace.contracts.positions import Position
from headrace.contracts.tasks import Priority, State, TaskError, TaskSummary
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject

BEHIND_SECONDS_MAX = 2.0  # what a server with a copy of the log may be behind its leader; usually it is milliseconds
LOOK_SECONDS = 0.01


class Standing(NamedTuple):
    """A task as the log knows it.

    Attributes:
        subject: The subject of one of its events.
        first: Its oldest event in the log.
        newest: Its newest.
        began: What the latest run, or attempt, began to wait with; None when that has left the log.
        running: Whether that was started.
        finish: The newest finish.
    """

    subject: TaskSubject
    first: Record
    newest: Record
    began: Record | None
    running: bool
    finish: Record | None

    @property
    def is_over(self) -> bool:
        """Whether the latest run has ended."""
        waiting = self.waiting
        return self.finish is not None and (waiting is None or waiting.fence < self.finish.sequence)

    @property
    def waiting(self) -> Queued | Deferred | None:
        """The event of ``began``."""
        event = None if self.began is None else decode(self.began.payload)
        return event if isinstance(event, Queued | Deferred) else None

    @property
    def finished(self) -> Finished | None:
        """The event of ``finish``."""
        event = None if self.finish is None else decode(self.finish.payload)
        return event if isinstance(event, Finished) else None

    @property
    def fence(self) -> int:
        """The fence of the latest run; of the next one, when that is over."""
        if self.is_over and self.finish is not None:
            return self.finish.sequence
        waiting = self.waiting
        return waiting.fence if waiting is not None else 0

    @property
    def headers(self) -> dict[str, str]:
        """What every event of the task carries."""
        return {name: self.newest.headers[name] for name in subjects.CARRIED if name in self.newest.headers}

    def summarize(self, epoch: int) -> TaskSummary:
        """The task as clients see it."""
        waiting, finished = self.waiting, self.finished if self.is_over else None
        withdrawn = finished.withdrawn if finished is not None else None
        error: TaskError | None = None
        if finished is not None:
            state, attempt, error = State(finished.outcome), finished.attempt, finished.error
            waiting = withdrawn.queued if withdrawn is not None else waiting
        elif waiting is None:
            state, attempt = State.RUNNING, decode(self.newest.payload).attempt
        else:
            attempt = waiting.attempt
            state = State.RUNNING if self.running else State.PENDING
            if not self.running and isinstance(waiting, Queued):
                early = waiting.due_at is not None and waiting.due_at > datetime.now(UTC)
                state = State.PENDING if early else State.QUEUED
            error = waiting.error if isinstance(waiting, Deferred) else None
        return TaskSummary(
            id=self.subject.task,
            kind=self.subject.kind,
            priority=Priority(self.subject.priority),
            owner=self.subject.owner,
            batch=self.newest.headers.get(subjects.BATCH),
            state=state,
            attempt=attempt,
            max_attempts=waiting.max_attempts if waiting is not None else None,
            error=error,
            due_at=waiting.due_at if waiting is not None and state is State.PENDING else None,
            expires_at=waiting.expires_at if waiting is not None else None,
            created_at=self._created_at(),
            finished_at=self.finish.at if finished is not None and self.finish is not None else None,
            position=str(Position(epoch, self.newest.sequence)),
        )

    def _created_at(self) -> datetime:
        event = decode(self.first.payload)
        withdrawn = event.withdrawn if isinstance(event, Finished) else None
        return self.first.at if withdrawn is None else withdrawn.at


async def look(log: Log, owner: str, task: str) -> Standing | None:
    """Where a task stands; None when the log has nothing of it.

    Raises:
        LogUnavailable: the log does not answer.
    """
    if log.settings.replicas == 1:
        return await _look(log, owner, task)
    newest = await log.replayer.last_at_leader(subjects.all_of(owner, task))
    loop = asyncio.get_running_loop()
    deadline = loop.time() + BEHIND_SECONDS_MAX
    while newest:
        standing = await _look(log, owner, task)
        if (standing is not None and standing.newest.sequence >= newest) or loop.time() > deadline:
            return standing
        await asyncio.sleep(LOOK_SECONDS)  # a server does not tell when it has caught up
    return None


def waiting_for(timer: Record) -> Standing:
    """Where a task stands of which the log has nothing but its timer: it waits since longer than the log keeps events."""
    subject = TaskSubject.parse(timer.headers[subjects.SCHEDULE_TARGET])
    return Standing(subject=subject, first=timer, newest=timer, began=timer, running=False, finish=None)


async def _look(log: Log, owner: str, task: str) -> Standing | None:
    everything = subjects.all_of(owner, task)
    last = {TaskSubject.parse(each.subject).event: each for each in await log.replayer.last_of_each(everything)}
    if not last:
        return None
    newest = max(last.values(), key=lambda record: record.sequence)
    page = await log.replayer.page(everything, records=1)
    began = max(
        (last[name] for name in (EventName.QUEUED, EventName.DEFERRED) if name in last),
        key=lambda record: record.sequence,
        default=None,
    )
    started = last.get(EventName.STARTED)
    return Standing(
        subject=TaskSubject.parse(newest.subject),
        first=page.records[0] if page.records else newest,
        newest=newest,
        began=began,
        running=started is not None and (began is None or started.sequence > began.sequence),
        finish=last.get(EventName.FINISHED),
    )
