"""What a schedule has in the log: its definition, the timer that the broker holds, and the tasks that it submits.

A definition and its timer are appended as one, so there is never the one without the other. A timer replaces the one before;
one that is not wanted any more is replaced by an empty message (a rollup). The newest definition and the timer outlive the
log's retention.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import msgspec

from headrace.contracts.events import EventName, Queued
from headrace.contracts.events import encode as encode_event
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
from headrace.log import conditions, provision, subjects
from headrace.log.append import Appended, Message
from headrace.log.connection import Log
from headrace.log.subjects import TaskSubject
from headrace.log.timers import repeating_headers

_REPLACES: Mapping[str, str] = {subjects.ROLLUP: "sub"}
_KEPT: Mapping[str, str] = {subjects.TTL: "never"}
_NAMESPACE = uuid.UUID("6f1d1f4e-8f0a-5c0e-9a53-3a6f0c6f5f0e")  # any, the same for ever
_encode = msgspec.json.Encoder().encode


class Submitted(NamedTuple):
    """A task of a schedule that the log has."""

    subject: TaskSubject
    sequence: int
    expires_at: datetime | None


async def save(log: Log, owner: str, schedule: str, saved: ScheduleSaved, condition: Mapping[str, str]) -> Appended:
    """Append a definition with its timer, or without one when it is paused or over.

    The definition stands last, so that who waits until the read model has come to the end of the log is not waiting for a
    timer, which is in no read model.

    Args:
        log: The log.
        owner: Whose it is.
        schedule: Its id.
        saved: What is appended.
        condition: `not_deleted`, or `subject_unchanged` with the sequence of the newest definition.

    Raises:
        AppendRefused: a condition did not hold.
        LogFull: the log takes nothing.
        LogUnavailable: no acknowledgement. Whether the log has it is then not known.
        ScheduleRefused: the broker does not take the cron expression or the time zone.
        TooLarge: it does not fit a message.
    """
    subject = subjects.schedule_event(ScheduleEventName.SAVED, owner, schedule)
    message = Message(subject, encode(saved), {**_KEPT, **condition})
    appended = await log.appender.append_all([_timer(owner, schedule, saved.definition), message])
    with suppress(LogUnavailable):  # or the next time
        await _forget_old(log, subject)
    return appended


async def delete(log: Log, owner: str, schedule: str) -> Appended:
    """Append that a schedule is no more; takes its timer and its definition away with it.

    Raises:
        AppendRefused: it was deleted before.
        LogUnavailable: no acknowledgement. Whether the log has it is then not known.
    """
    deleted = encode(ScheduleDeleted())
    return await log.appender.append_all(
        [
            Message(subjects.schedule_timer(owner, schedule), b"", _REPLACES),
            Message(subjects.schedule_event(ScheduleEventName.SAVED, owner, schedule), deleted, _REPLACES),
            Message(
                subjects.schedule_event(ScheduleEventName.DELETED, owner, schedule),
                deleted,
                conditions.subject_is_empty(),
            ),
        ]
    )


def not_deleted(owner: str, schedule: str) -> dict[str, str]:
    """On condition that the log does not know the schedule as deleted."""
    return conditions.no_event_of(subjects.schedule_event(ScheduleEventName.DELETED, owner, schedule))


async def submit(
    log: Log,
    owner: str,
    definition: ScheduleDefinition,
    task: str,
    at: datetime,
    headers: Mapping[str, str],
) -> Submitted:
    """Submit a task of a schedule.

    Args:
        log: The log.
        owner: Whose it is.
        definition: What is submitted.
        task: Its id.
        at: When it was due; `expires_in` counts from then.
        headers: What its events carry.

    Raises:
        LogFull: the log takes nothing.
        LogUnavailable: no acknowledgement. Whether the log has it is then not known; do it again.
        TooLarge: it does not fit a message.
    """
    subject = TaskSubject(EventName.QUEUED, definition.kind, definition.priority, owner, task)
    expires_at = None if definition.expires_in is None else at + timedelta(seconds=definition.expires_in)
    queued = Queued(
        attempt=1,
        fence=0,
        input=msgspec.Raw(_encode(definition.input)),
        max_attempts=definition.max_attempts,
        expires_at=expires_at,
    )
    appended = await log.appender.append(str(subject), encode_event(queued), {**headers, subjects.MSG_ID: task})
    return Submitted(subject, appended.sequence, expires_at)


async def submit_once(
    log: Log, owner: str, definition: ScheduleDefinition, task: str, at: datetime, headers: Mapping[str, str]
) -> Submitted:
    """Submit a task of a schedule, unless the log has one with this id. See `submit`.

    Raises:
        AppendRefused: it has; also when it is this very one, and its acknowledgement was lost.
    """
    return await submit(log, owner, definition, task, at, {**headers, **conditions.task_is_new(owner, task)})


def task_of(schedule: str, occurrence: datetime) -> str:
    """The id of the task that an occurrence of a schedule submits.

    It follows from the two, so that whoever reads the firing again, after a crash or beside another, submits the same task,
    and the log refuses it. A UUID of version 5 (RFC 9562), because ids are to look alike wherever they come from.
    """
    return str(uuid.uuid5(_NAMESPACE, f"{schedule}/{occurrence.astimezone(UTC).isoformat()}"))


async def _forget_old(log: Log, subject: str) -> None:
    """Take definitions out of the log that nothing in it was submitted under: all before the last one out of retention."""
    page = await log.replayer.page(subject)
    horizon = datetime.now(UTC) - timedelta(seconds=log.settings.retention)
    if old := [record for record in page.records[:-1] if record.at < horizon]:
        await provision.purge(log.connection, subject, before=old[-1].sequence)


def _timer(owner: str, schedule: str, definition: ScheduleDefinition) -> Message:
    subject = subjects.schedule_timer(owner, schedule)
    if not is_active(definition, datetime.now(UTC)):
        return Message(subject, b"", _REPLACES)
    target = subjects.schedule_event(ScheduleEventName.FIRED, owner, schedule)
    if definition.cron is None:
        headers = repeating_headers(f"@every {definition.every}s", target)
    else:
        headers = repeating_headers(spell_out(definition.cron), target, definition.time_zone)
    return Message(subject, encode(ScheduleFired(definition=definition)), headers)
