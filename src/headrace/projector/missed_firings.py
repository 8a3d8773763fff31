"""Missed firings: those that a broker which was killed did not append when it was back."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime

import msgspec

from headrace.contracts.schedules import Missed, ScheduleEventName, ScheduleFired, decode
from headrace.cron import first, is_over, missed
from headrace.errors import AppendRefused
from headrace.lifecycle.schedules import occurrence_task_id, submit_occurrence
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.subjects import TimerSubject
from headrace.telemetry import get_logger

MISSED_SECONDS = 5.0  # timers fire up to 0.3 s late; a firing that is later than this was missed

log = get_logger(__name__)


async def submit_missed_firings(event_log: Log, back_since: datetime) -> None:
    """Submit the tasks of firings that the broker has missed.

    A broker that was stopped appends a firing that it missed when it is back; one that was killed does not, and goes on with
    the next. The firing that it announced last, or the time at which the timer was set, says which firing was due before
    ``back_since``. A schedule that has fired since then, because it fires every few seconds, has missed nothing.

    Raises:
        LogFull: The log has no room.
        LogUnavailable: The log does not answer. Call this again.
    """
    start, more = 1, True
    while more:
        timers, more = await event_log.replayer.page(subjects.SCHEDULE_TIMERS, start=start)
        for timer in timers:
            start = timer.sequence + 1
            try:
                await _submit_missed_firing(event_log, timer, back_since)
            except (ValueError, KeyError, msgspec.MsgspecError) as error:
                log.error("a timer cannot be read", sequence=timer.sequence, error=str(error))


async def _submit_missed_firing(event_log: Log, timer: Record, back_since: datetime) -> None:
    """Submit the task of the firing that one timer has missed, if it has missed one."""
    # The timer of a schedule that is paused or deleted is empty.
    if not timer.payload:
        return
    _, owner, schedule = TimerSubject.parse(timer.subject)
    definition = decode_fired(timer).definition
    last = await event_log.replayer.last(subjects.schedule_event(ScheduleEventName.FIRED, owner, schedule))
    if last is not None and last.sequence > timer.sequence:
        expected = datetime.fromisoformat(last.headers[subjects.SCHEDULE_NEXT])
    else:
        expected = first(definition, timer.at)
    if expected is None or expected >= back_since:
        return
    due = missed(definition, expected, back_since)
    early = definition.start_at is not None and due < definition.start_at
    late = definition.missed is Missed.SKIP and (back_since - due).total_seconds() > MISSED_SECONDS
    if early or late or is_over(definition, due):
        return
    task = occurrence_task_id(schedule, due)
    # The log refuses the task when another projector was first.
    with suppress(AppendRefused):
        await submit_occurrence(event_log, owner, definition, task, back_since, {subjects.OF_SCHEDULE: schedule})
        log.info("a missed firing is made up for", schedule=schedule, due_at=due.isoformat(), task_id=task)


def decode_fired(record: Record) -> ScheduleFired:
    """Decode the `fired` event that a timer holds or has appended.

    Raises:
        MsgspecError: The record holds no such event.
    """
    fired = decode(record.payload)
    if not isinstance(fired, ScheduleFired):
        raise msgspec.ValidationError("this is no firing")
    return fired
