"""Timers of schedules that have not fired although they are due, as after a broker was killed and has forgotten them."""

from __future__ import annotations

import msgspec

from headrace.contracts.schedules import ScheduleFired, decode
from headrace.cron import first, following
from headrace.errors import AppendRefused
from headrace.lifecycle.schedules import set_timer
from headrace.log import clock, subjects
from headrace.log.connection import Log
from headrace.log.prune import withdraw_newest
from headrace.log.records import Record
from headrace.log.subjects import TimerSubject
from headrace.projector.due_occurrences import MISSED
from headrace.telemetry import get_logger

log = get_logger(__name__)


async def set_overdue_timers_again(event_log: Log) -> None:
    """Set the timers again that are overdue, so that they fire at once, and those of older versions.

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
                await _set_again_if_overdue(event_log, timer)
            except AppendRefused:
                # Somebody else has set it meanwhile, or the schedule was saved.
                continue
            except (ValueError, KeyError, msgspec.MsgspecError) as error:
                log.error("a timer cannot be read", sequence=timer.sequence, error=str(error))


async def _set_again_if_overdue(event_log: Log, timer: Record) -> None:
    # The timer of a schedule that is paused or deleted is empty.
    if not timer.payload:
        return
    _, owner, schedule = TimerSubject.parse(timer.subject)
    fired, now = decode_fired(timer), clock.now()
    due_at, definition = fired.due_at, fired.definition
    if due_at is None:
        due_at = following(definition, now, first(definition, timer.at) or now)
        if due_at is None:
            await withdraw_newest(event_log, timer.subject, before=timer.sequence + 1)
            return
        log.info("the timer of an older version is replaced", schedule=schedule, due_at=due_at.isoformat())
    elif now - due_at <= MISSED:
        return
    else:
        log.warning("a timer did not go off; it is set again", schedule=schedule, due_at=due_at.isoformat())
    await set_timer(event_log, owner, schedule, fired, due_at, timer.sequence)


def decode_fired(record: Record) -> ScheduleFired:
    """Decode the `fired` event that a timer holds or has appended.

    Raises:
        MsgspecError: The record holds no such event.
    """
    fired = decode(record.payload)
    if not isinstance(fired, ScheduleFired):
        raise msgspec.ValidationError("this is no firing")
    return fired
