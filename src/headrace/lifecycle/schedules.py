"""A schedule in the log: its definition, the timer that the broker holds, and the tasks that it submits.

A definition and its timer are appended as one, so that the log never has the one without the other. A timer replaces the
previous one. A schedule that is paused or over replaces it by an empty message (a rollup). The newest definition and the timer
are exempt from the log's retention.

The broker holds one timer of a schedule at a time, for its next occurrence. The timer is gone when it has fired; whoever submits
the task of that firing then sets the timer for the occurrence after it, unless somebody has set another one meanwhile.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta

import msgspec

from headrace.contracts.events import EventName
from headrace.contracts.schedules import (
    ScheduleDefinition,
    ScheduleDeleted,
    ScheduleEventName,
    ScheduleFired,
    ScheduleSaved,
    decode,
    encode,
)
from headrace.contracts.titles import choose_title
from headrace.cron import is_active, same_times
from headrace.errors import LogUnavailable
from headrace.lifecycle.queueing import WaitingTask, queue_if_new
from headrace.log import clock, conditions, subjects
from headrace.log.append import Appended, Message
from headrace.log.connection import Log
from headrace.log.memberships import name_task
from headrace.log.prune import withdraw
from headrace.log.subjects import TaskSubject
from headrace.log.timers import exact_timer_headers

_REPLACES: Mapping[str, str] = {subjects.ROLLUP: "sub"}
_KEPT: Mapping[str, str] = {subjects.TTL: "never"}
_NAMESPACE = uuid.UUID("6f1d1f4e-8f0a-5c0e-9a53-3a6f0c6f5f0e")  # a random value that must never change
_encode = msgspec.json.Encoder().encode


async def save_schedule(
    log: Log, owner: str, schedule: str, saved: ScheduleSaved, condition: Mapping[str, str]
) -> Appended:
    """Append a definition with its timer, or without one when the schedule is paused or over.

    The definition comes last: a caller that waits for the read model to reach the returned position waits for an event that
    the read model has, not for a timer.

    Args:
        log: The log.
        owner: The owner of the schedule.
        schedule: Its id.
        saved: The event that holds the definition, and the next firing.
        condition: `not_deleted`, or `subject_unchanged` with the sequence of the newest definition.

    Raises:
        AppendRefused: the condition did not hold.
        LogFull: the log has no room.
        LogUnavailable: no acknowledgement. Whether the log has the definition is then not known.
        TooLarge: the definition does not fit a message.
    """
    subject = subjects.schedule_event(ScheduleEventName.SAVED, owner, schedule)
    message = Message(subject, encode(saved), {**_KEPT, **condition})
    timer = _timer_message(owner, schedule, saved.definition, saved.next_at, saved.title)
    appended = await log.appender.append_all([timer, message])
    # The schedule is saved by now. What could not be pruned is pruned when it is saved again.
    with suppress(LogUnavailable):
        await _prune_definitions(log, subject)
    return appended


async def set_timer(
    log: Log, owner: str, schedule: str, firing: ScheduleFired, due_at: datetime, replaces: int
) -> Appended:
    """Set the timer of a schedule for an occurrence.

    Args:
        log: The log.
        owner: The owner of the schedule.
        schedule: Its id.
        firing: What the schedule fires with.
        due_at: The occurrence, instead of that of ``firing``.
        replaces: The sequence of the timer that this one replaces; 0 when there is none.

    Raises:
        AppendRefused: somebody else has set the timer, or has paused or deleted the schedule.
        LogFull: the log has no room.
        LogUnavailable: no acknowledgement. Whether the timer is set is then not known; call this again.
        TooLarge: the definition does not fit a message.
    """
    message = _timer_message(owner, schedule, firing.definition, due_at, firing.title)
    condition = conditions.subject_unchanged(replaces)
    return await log.appender.append(message.subject, message.payload, {**message.headers, **condition})


async def read_due(log: Log, owner: str, schedule: str, definition: ScheduleDefinition) -> datetime | None:
    """Return the occurrence that the timer of a schedule waits for; None when it has none, or one of a schedule of other times.

    Raises:
        LogUnavailable: the log does not answer.
    """
    timer = await log.replayer.last(subjects.schedule_timer(owner, schedule))
    if timer is None or not timer.payload:
        return None
    with suppress(msgspec.MsgspecError):
        fired = decode(timer.payload)
        if isinstance(fired, ScheduleFired) and same_times(fired.definition, definition):
            return fired.due_at
    return None


def not_deleted(owner: str, schedule: str) -> dict[str, str]:
    """Return the append condition that the log has no `deleted` event of a schedule."""
    return conditions.no_event_of(subjects.schedule_event(ScheduleEventName.DELETED, owner, schedule))


def _timer_message(
    owner: str, schedule: str, definition: ScheduleDefinition, due_at: datetime | None, title: str | None
) -> Message:
    subject = subjects.schedule_timer(owner, schedule)
    if due_at is None or not is_active(definition, clock.now()):
        return Message(subject, b"", _REPLACES)
    target = subjects.schedule_event(ScheduleEventName.FIRED, owner, schedule)
    fired = ScheduleFired(definition=definition, due_at=due_at, title=title)
    return Message(subject, encode(fired), exact_timer_headers(due_at, target))


async def _prune_definitions(log: Log, subject: str) -> None:
    """Remove definitions under which no task in the log was submitted: all before the last one past the retention."""
    page = await log.replayer.page(subject)
    horizon = clock.now() - timedelta(seconds=log.settings.retention)
    old = [record for record in page.records[:-1] if record.at < horizon]
    for record in old[:-1]:
        await withdraw(log, record.sequence)


async def delete_schedule(log: Log, owner: str, schedule: str) -> Appended:
    """Append that a schedule is deleted; its timer and its definition are removed with it.

    Raises:
        AppendRefused: the schedule was deleted before.
        LogFull: the log has no room.
        LogUnavailable: no acknowledgement. Whether the log has it is then not known.
    """
    deleted = encode(ScheduleDeleted())
    saved_subject = subjects.schedule_event(ScheduleEventName.SAVED, owner, schedule)
    deleted_subject = subjects.schedule_event(ScheduleEventName.DELETED, owner, schedule)
    return await log.appender.append_all(
        [
            Message(subjects.schedule_timer(owner, schedule), b"", _REPLACES),
            Message(saved_subject, deleted, _REPLACES),
            Message(deleted_subject, deleted, conditions.subject_is_empty()),
        ]
    )


def scheduled_task(
    owner: str, firing: ScheduleFired, task: str, at: datetime, headers: Mapping[str, str]
) -> WaitingTask:
    """Return a task that a schedule submits.

    Args:
        owner: The owner of the schedule.
        firing: What the schedule submits, and what it is called.
        task: The id of the task.
        at: When the task is submitted; `expires_in` counts from then.
        headers: The headers that every event of the task carries, besides those that follow from ``firing``.
    """
    definition = firing.definition
    # An older version decided no title.
    title = firing.title or choose_title(definition.input, None)
    return WaitingTask(
        subject=TaskSubject(EventName.QUEUED, definition.kind, definition.priority, owner, task),
        input=msgspec.Raw(_encode(definition.input)),
        headers={**headers, **name_task(title, definition.labels, task)},
        max_attempts=definition.max_attempts,
        expires_at=None if definition.expires_in is None else at + timedelta(seconds=definition.expires_in),
    )


async def submit_occurrence(
    log: Log, owner: str, firing: ScheduleFired, task: str, at: datetime, headers: Mapping[str, str]
) -> Appended:
    """Submit the task of an occurrence, unless the log has it. `scheduled_task` explains the arguments.

    Raises:
        AppendRefused: the log has the task. It may be this very one, when an acknowledgement was lost.
        LogFull: the log has no room.
        LogUnavailable: no acknowledgement. Whether the log has the task is then not known; call this again.
        TooLarge: the task does not fit a message.
    """
    return await queue_if_new(log, scheduled_task(owner, firing, task, at, headers))


def occurrence_task_id(schedule: str, occurrence: datetime) -> str:
    """Return the id of the task that an occurrence of a schedule submits.

    The id derives from the schedule and the occurrence. So a projector that reads the firing again, after a crash or beside
    another projector, submits the same task, and the log refuses it. Like other ids it is a UUID, here of version 5 (RFC 9562).
    """
    return str(uuid.uuid5(_NAMESPACE, f"{schedule}/{occurrence.astimezone(UTC).isoformat()}"))
