"""Queueing a task: its `queued` event when it is due now, otherwise a `deferred` event and the timer that queues it later.

The broker's timers fire up to a quarter of a second late, so a task that is due sooner than that is queued at once, and its
worker waits for the rest; see `headrace.log.timers`. Every process that queues a task calls one of these functions:

    submit_task            a new task without a key: `Nats-Msg-Id` only
    submit_task_once       a new task with an Idempotency-Key: on condition that neither the task nor its timer exists
    queue_if_new           a new task that is due now: on condition that the task does not exist
    queue_if_unchanged     a known task: on condition that its newest event is still the one that the caller has seen
    retry_messages         the next attempt of a running task: what its worker appends under the fence of the run
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import msgspec
from msgspec import Raw

from headrace.contracts.events import Deferred, EventName, Queued, encode
from headrace.contracts.large_values import StoredValue
from headrace.contracts.positions import Position
from headrace.contracts.tasks import Priority, State, TaskError, TaskSummary
from headrace.errors import AppendRefused
from headrace.lifecycle.long_timers import LongTimers
from headrace.log import conditions, subjects, timers
from headrace.log.append import Appended, Message
from headrace.log.connection import Log
from headrace.log.memberships import labels_of, schedule_of, title_with_fallback
from headrace.log.subjects import TaskSubject

EVENT_BYTES = 128 << 10  # of an event besides its input, at most: an error with its longest message and traceback


def input_bytes_max(log: Log) -> int:
    """Return the size of the largest input with which every later event of its task still fits a message, in bytes."""
    return log.appender.payload_bytes_max - EVENT_BYTES


class WaitingTask(msgspec.Struct, frozen=True, kw_only=True):
    """A task that waits for an attempt: in its queue, or for the time at which it is due.

    Attributes:
        subject: The subject of one of the task's events.
        input: The input, as JSON; null when it is stored.
        headers: The headers that every event of the task carries.
        attempt: The number of the attempt.
        fence: The sequence of the task's previous finish; 0 for none.
        max_attempts: The limit of attempts; None means what the kind says.
        due_at: When the attempt is due; None means now.
        expires_at: When the task fails unless it was started.
        error: Why the previous attempt failed.
        stored_input: Where the input is when it is too large for an event.
    """

    subject: TaskSubject
    input: Raw
    headers: Mapping[str, str]
    attempt: int = 1
    fence: int = 0
    max_attempts: int | None = None
    due_at: datetime | None = None
    expires_at: datetime | None = None
    error: TaskError | None = None
    stored_input: StoredValue | None = None

    def is_queued_now(self) -> bool:
        """Whether the task is queued at once: it is due now, or sooner than a timer could fire."""
        return self.due_at is None or timers.is_due_soon(self.due_at)

    def summarize(self, created_at: datetime, position: Position) -> TaskSummary:
        """Return the task as clients see it just after it was accepted.

        Args:
            created_at: When the task was first submitted.
            position: Where its newest event stands.
        """
        return TaskSummary(
            id=self.subject.task,
            kind=self.subject.kind,
            priority=Priority(self.subject.priority),
            owner=self.subject.owner,
            title=title_with_fallback(self.headers, self.input, self.subject.task),
            labels=labels_of(self.headers),
            batch=self.headers.get(subjects.BATCH),
            schedule=schedule_of(self.headers),
            state=State.QUEUED if self.due_at is None else State.PENDING,
            attempt=self.attempt,
            max_attempts=self.max_attempts,
            due_at=self.due_at,
            expires_at=self.expires_at,
            created_at=created_at,
            position=str(position),
        )


async def submit_task(log: Log, task: WaitingTask) -> Appended:
    """Append a new task whose id nobody else uses.

    The timer of a deferred task is appended before its `deferred` event, so that a crash in between loses nothing that was
    accepted. Both are sent again after a reconnect.

    Raises:
        LogFull: the log has no room.
        LogUnavailable: no acknowledgement. Whether the log has the task is then not known.
        TooLarge: the task does not fit a message.
    """
    once = {subjects.MSG_ID: task.subject.task}
    if task.is_queued_now():
        return await log.appender.append(*queued_message(task, once))
    await log.appender.append(*timer_message(task, {subjects.MSG_ID: f"{task.subject.task}-timer"}))
    return await log.appender.append(*deferred_message(task, once))


async def submit_task_once(log: Log, long_timers: LongTimers, task: WaitingTask) -> Appended:
    """Append a new task unless the log has an event or a timer of it, because its key was used before.

    A deferred task is appended atomically: of two submissions with the same key, one gets both the timer and the event.

    Raises:
        AppendRefused: the log has the task.
        LogFull: the log has no room.
        LogUnavailable: no acknowledgement. Whether the log has the task is then not known.
        TooLarge: the task does not fit a message.
    """
    if not task.is_queued_now():
        is_new = conditions.task_is_new(task.subject.owner, task.subject.task)
        timer = timer_message(task, conditions.subject_is_empty())
        return await log.appender.append_all((timer, deferred_message(task, is_new)))
    if await long_timers.find(task.subject.owner, task.subject.task) is not None:
        raise AppendRefused("the task waits for its timer")
    appended = await queue_if_new(log, task)
    if appended.duplicate:
        raise AppendRefused("the log has it under this Nats-Msg-Id")
    return appended


async def queue_if_new(log: Log, task: WaitingTask) -> Appended:
    """Append a new task that is due now, unless the log has an event of it.

    Raises:
        AppendRefused: the log has the task. It may be this very one, when an acknowledgement was lost.
        LogFull: the log has no room.
        LogUnavailable: no acknowledgement. Whether the log has the task is then not known.
        TooLarge: the task does not fit a message.
    """
    is_new = conditions.task_is_new(task.subject.owner, task.subject.task)
    return await log.appender.append(*queued_message(task, {**is_new, subjects.MSG_ID: task.subject.task}))


async def queue_if_unchanged(log: Log, task: WaitingTask, newest: int) -> Appended:
    """Append what a known task waits with, unless the log has a newer event of it than the caller has seen.

    A deferred task is appended atomically with its timer.

    Args:
        log: The log.
        task: What the task waits with.
        newest: The sequence of the task's newest event; 0 when the log has none.

    Raises:
        AppendRefused: the log has a newer event of the task.
        LogFull: the log has no room.
        LogUnavailable: no acknowledgement. Whether the log has it is then not known.
        TooLarge: the task does not fit a message.
    """
    unchanged = conditions.task_unchanged(task.subject.owner, task.subject.task, newest)
    if task.is_queued_now():
        return await log.appender.append(*queued_message(task, unchanged))
    return await log.appender.append_all((timer_message(task, unchanged), deferred_message(task, unchanged)))


async def queue_overdue(log: Log, task: WaitingTask, newest: int) -> Appended:
    """Queue a deferred attempt whose timer did not go off, unless the log has a newer event of the task than the caller has seen.

    The worker that deferred it may have died before it queued it, and the next one does so as well (see `requeue_message`). The log
    keeps one of the two, whichever comes first.

    Args:
        log: The log.
        task: The attempt.
        newest: The sequence of the task's newest event.

    Raises:
        AppendRefused: the log has a newer event of the task.
        LogFull: the log has no room.
        LogUnavailable: no acknowledgement. Whether the log has it is then not known.
    """
    subject, payload, headers = requeue_message(task)
    unchanged = conditions.task_unchanged(task.subject.owner, task.subject.task, newest)
    return await log.appender.append(subject, payload, {**headers, **unchanged})


def retry_messages(task: WaitingTask) -> tuple[Message, Message]:
    """Return what a worker appends under its fence to have a task tried again, in this order.

    The `deferred` event tells why. What runs the task is the timer, appended first so that a crash in between loses nothing;
    or a `queued` event when the task is due sooner than a timer could fire.
    """
    deferred = _once_per_attempt(task, deferred_message(task, {}))
    if task.is_queued_now():
        return deferred, requeue_message(task)
    return _once_per_attempt(task, timer_message(task, {})), deferred


def requeue_message(task: WaitingTask) -> Message:
    """Return what a worker appends under its fence to queue a deferred task without a timer."""
    return _once_per_attempt(task, queued_message(task, {}))


def _once_per_attempt(task: WaitingTask, message: Message) -> Message:
    """Add the `Nats-Msg-Id` with which the log keeps one such message for each attempt."""
    once = {subjects.MSG_ID: f"{message.subject}-{task.fence}-{task.attempt}"}
    return message._replace(headers={**message.headers, **once})


def queued_message(task: WaitingTask, headers: Mapping[str, str]) -> Message:
    """Return the `queued` event of a task, with further headers."""
    # Nearly all tasks of a batch have no further headers, and those that they have are not copied.
    all_headers = {**task.headers, **headers} if headers else task.headers
    return Message(task.subject.of(EventName.QUEUED), _encode_queued(task), all_headers)


def timer_message(task: WaitingTask, headers: Mapping[str, str]) -> Message:
    """Return the timer that appends the `queued` event of a task when it is due, with further headers."""
    assert task.due_at is not None
    timer = timers.timer_headers(task.due_at, task.subject.of(EventName.QUEUED), task.headers)
    subject = subjects.task_timer(task.subject.owner, task.subject.task)
    return Message(subject, _encode_queued(task), {**timer, **headers})


def deferred_message(task: WaitingTask, headers: Mapping[str, str]) -> Message:
    """Return the `deferred` event of a task, with further headers."""
    assert task.due_at is not None
    deferred = Deferred(
        attempt=task.attempt,
        fence=task.fence,
        input=task.input,
        due_at=task.due_at,
        max_attempts=task.max_attempts,
        expires_at=task.expires_at,
        error=task.error,
        stored_input=task.stored_input,
    )
    return Message(task.subject.of(EventName.DEFERRED), encode(deferred), {**task.headers, **headers})


def _encode_queued(task: WaitingTask) -> bytes:
    return encode(
        Queued(
            attempt=task.attempt,
            fence=task.fence,
            input=task.input,
            max_attempts=task.max_attempts,
            expires_at=task.expires_at,
            due_at=task.due_at,
            stored_input=task.stored_input,
        )
    )
