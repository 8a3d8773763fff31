"""What follows a firing: the timer for the next occurrence, as the newest definition of the schedule has it.

A schedule may be saved, paused or deleted in the moment in which its timer goes off. The firing then stands behind the change in
the log although its timer was set before. It carries the older definition, and with it the broker has taken out of the log
whatever timer was there: also the one of the change, or the empty one of a pause or a deletion. Nothing but the definition in
the log says then what the schedule is.
"""

from __future__ import annotations

from datetime import datetime
from typing import NamedTuple

import msgspec

from headrace.contracts.schedules import (
    ScheduleDefinition,
    ScheduleDeleted,
    ScheduleEventName,
    ScheduleFired,
    ScheduleSaved,
    decode,
)
from headrace.cron import HORIZON, following, is_active
from headrace.errors import AppendRefused, LogUnavailable
from headrace.lifecycle.schedules import set_timer
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.deliveries import Delivery
from headrace.log.subjects import ScheduleSubject
from headrace.projector.overdue_timers import decode_fired
from headrace.telemetry import get_logger

TIMER_ATTEMPTS = 5  # to set the next timer while the broker is taking the last one out of the log

log = get_logger(__name__)


class NewestDefinition(NamedTuple):
    """The newest definition of a schedule, or its deletion.

    Attributes:
        at: When the log stored it.
        event: What it is.
    """

    at: datetime
    event: ScheduleSaved | ScheduleDeleted


async def read_newest_definition(event_log: Log, subject: ScheduleSubject) -> NewestDefinition | None:
    """Read the newest definition of a schedule; None when the log has none that can be read.

    Raises:
        LogUnavailable: The log does not answer.
    """
    # A deletion takes the place of the definition. A replica may not have the newest one yet.
    of_definition = subjects.schedule_event(ScheduleEventName.SAVED, subject.owner, subject.schedule)
    record = await event_log.replayer.leading.last_record(of_definition)
    if record is None:
        return None
    try:
        event = decode(record.payload)
    except msgspec.MsgspecError as error:
        log.error("a definition cannot be read", schedule=subject.schedule, sequence=record.sequence, error=str(error))
        return None
    return None if isinstance(event, ScheduleFired) else NewestDefinition(record.at, event)


async def end_of_definition(
    event_log: Log,
    firing: Delivery,
    subject: ScheduleSubject,
    newest: NewestDefinition | None,
    now: datetime,
) -> datetime:
    """Return when the definition of a firing ended, at the earliest when it fired; ``now`` when it is still the newest.

    Raises:
        LogUnavailable: The log does not answer.
    """
    ends = [now]
    timer = await event_log.replayer.last(subjects.schedule_timer(subject.owner, subject.schedule))
    if timer is not None and timer.sequence > firing.sequence:
        ends.append(timer.at)
    if newest is not None and _replaces(newest, decode_fired(firing).definition):
        ends.append(newest.at)
    return max(firing.at, min(ends))


def _replaces(newest: NewestDefinition, definition: ScheduleDefinition) -> bool:
    return isinstance(newest.event, ScheduleDeleted) or newest.event.definition != definition


def next_firing(
    fired: ScheduleFired, due_at: datetime, newest: NewestDefinition | None, now: datetime
) -> ScheduleFired | None:
    """Return the firing after one, with its occurrence as ``due_at``; None when there is none. A pure function.

    Args:
        fired: The firing.
        due_at: Its occurrence.
        newest: The newest definition of the schedule; None when only the firing has one.
        now: The time.
    """
    saved = ScheduleSaved(definition=fired.definition, title=fired.title) if newest is None else newest.event
    if isinstance(saved, ScheduleDeleted) or not is_active(saved.definition, now):
        return None
    first_at = _first_of(saved)
    if first_at is not None and first_at > due_at:
        # The timer of this definition has not fired.
        next_at = first_at
    else:
        next_at = following(saved.definition, max(now, due_at), due_at)
    return next_at and ScheduleFired(definition=saved.definition, due_at=next_at, title=saved.title)


def _first_of(saved: ScheduleSaved) -> datetime | None:
    """Return the first firing of a definition, where it says one for which the broker takes a timer."""
    at = saved.next_at
    return at if at is not None and at.tzinfo is not None and at < HORIZON else None


async def set_next_timer(event_log: Log, firing: Delivery, subject: ScheduleSubject, next_one: ScheduleFired) -> None:
    """Set the timer for the firing after one, unless a timer was set since.

    Args:
        event_log: The log.
        firing: The firing.
        subject: Its subject.
        next_one: The firing after it, with its occurrence as ``due_at``.

    Raises:
        LogFull: The log has no room.
        LogUnavailable: The log does not answer, or still has the timer that has fired. Submit the firing again.
    """
    assert next_one.due_at is not None
    owner, schedule, replaces = subject.owner, subject.schedule, 0
    for _ in range(TIMER_ATTEMPTS):
        try:
            await set_timer(event_log, owner, schedule, next_one, next_one.due_at, replaces)
        except AppendRefused:
            timer = await event_log.replayer.last(subjects.schedule_timer(owner, schedule))
            if timer is not None and timer.sequence > firing.sequence:
                return
            # The broker takes a timer out of the log after it has appended the firing.
            replaces = 0 if timer is None else timer.sequence
        else:
            return
    raise LogUnavailable("the timer that has fired is still there; try again in a moment")
