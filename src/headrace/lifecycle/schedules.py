"""A schedule in the log: its definition, the timer that the broker holds, and the tasks that it submits.

A definition and its timer are appended as one, so that the log never has the one without the other. A timer replaces the
previous one. A schedule that is paused or over replaces it by an empty message (a rollup). The newest definition and the timer
are exempt from the log's retention.
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
    encode,
)
from headrace.cron import is_active, spell_out
from headrace.errors import LogUnavailable
from headrace.lifecycle.queueing import WaitingTask, queue_if_new
from headrace.log import clock, conditions, subjects
from headrace.log.append import Appended, Message
from headrace.log.connection import Log
from headrace.log.prune import purge
from headrace.log.subjects import TaskSubject
from headrace.log.timers import repeating_headers

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
        saved: The event that holds the definition.
        condition: `not_deleted`, or `subject_unchanged` with the sequence of the newest definition.

    Raises:
        AppendRefused: the condition did not hold.
        LogFull: the log has no room.
        LogUnavailable: no acknowledgement. Whether the log has the definition is then not known.
        ScheduleRefused: the broker does not accept the cron expression or the time zone.
        TooLarge: the definition does not fit a message.
    """
    subject = subjects.schedule_event(ScheduleEventName.SAVED, owner, schedule)
    message = Message(subject, encode(saved), {**_KEPT, **condition})
    appended = await log.appender.append_all([_timer_message(owner, schedule, saved.definition), message])
    # The schedule is saved by now. What could not be pruned is pruned when it is saved again.
    with suppress(LogUnavailable):
        await _prune_definitions(log, subject)
    return appended


def not_deleted(owner: str, schedule: str) -> dict[str, str]:
    """Return the append condition that the log has no `deleted` event of a schedule."""
    return conditions.no_event_of(subjects.schedule_event(ScheduleEventName.DELETED, owner, schedule))


def _timer_message(owner: str, schedule: str, definition: ScheduleDefinition) -> Message:
    subject = subjects.schedule_timer(owner, schedule)
    if not is_active(definition, clock.now()):
        return Message(subject, b"", _REPLACES)
    target = subjects.schedule_event(ScheduleEventName.FIRED, owner, schedule)
    if definition.cron is None:
        headers = repeating_headers(f"@every {definition.every}s", target)
    else:
        headers = repeating_headers(spell_out(definition.cron), target, definition.time_zone)
    return Message(subject, encode(ScheduleFired(definition=definition)), headers)


async def _prune_definitions(log: Log, subject: str) -> None:
    """Remove definitions under which no task in the log was submitted: all before the last one past the retention."""
    page = await log.replayer.page(subject)
    horizon = clock.now() - timedelta(seconds=log.settings.retention)
    if old := [record for record in page.records[:-1] if record.at < horizon]:
        await purge(log, subject, before=old[-1].sequence)


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
    owner: str, definition: ScheduleDefinition, task: str, at: datetime, headers: Mapping[str, str]
) -> WaitingTask:
    """Return a task that a schedule submits.

    Args:
        owner: The owner of the schedule.
        definition: What the schedule submits.
        task: The id of the task.
        at: When the task is submitted; `expires_in` counts from then.
        headers: The headers that every event of the task carries.
    """
    return WaitingTask(
        subject=TaskSubject(EventName.QUEUED, definition.kind, definition.priority, owner, task),
        input=msgspec.Raw(_encode(definition.input)),
        headers=headers,
        max_attempts=definition.max_attempts,
        expires_at=None if definition.expires_in is None else at + timedelta(seconds=definition.expires_in),
    )


async def submit_occurrence(
    log: Log, owner: str, definition: ScheduleDefinition, task: str, at: datetime, headers: Mapping[str, str]
) -> Appended:
    """Submit the task of an occurrence, unless the log has it. `scheduled_task` explains the arguments.

    Raises:
        AppendRefused: the log has the task. It may be this very one, when an acknowledgement was lost.
        LogFull: the log has no room.
        LogUnavailable: no acknowledgement. Whether the log has the task is then not known; call this again.
        TooLarge: the task does not fit a message.
    """
    return await queue_if_new(log, scheduled_task(owner, definition, task, at, headers))


def occurrence_task_id(schedule: str, occurrence: datetime) -> str:
    """Return the id of the task that an occurrence of a schedule submits.

    The id derives from the schedule and the occurrence. So a projector that reads the firing again, after a crash or beside
    another projector, submits the same task, and the log refuses it. Like other ids it is a UUID, here of version 5 (RFC 9562).
    """
    return str(uuid.uuid5(_NAMESPACE, f"{schedule}/{occurrence.astimezone(UTC).isoformat()}"))
