"""Setting the timers of schedules again that the broker has lost."""

from __future__ import annotations

import asyncio
from datetime import datetime

import msgspec

from headrace.contracts.schedules import ScheduleDefinition, ScheduleEventName, ScheduleSaved, decode
from headrace.cron import following, is_active
from headrace.errors import AppendRefused, LogFull, TooLarge
from headrace.lifecycle.schedules import save_schedule
from headrace.log import clock, conditions, subjects
from headrace.log.connection import Log
from headrace.log.prune import subjects_present
from headrace.store.leader_queries import list_schedules_after
from headrace.store.leadership import LeaderSession
from headrace.store.tables import ScheduleRow
from headrace.telemetry import get_logger

REARM_SECONDS = 300.0  # between two searches for schedules without a timer; each reads all schedules
FIRING_SECONDS = 10.0  # a firing whose reader was lost is delivered to another one within half of this
ROWS = 100  # schedules read in one query; each may carry a large input

log = get_logger(__name__)


class TimerSearch:
    """Finds active schedules that are in the read model and whose timers are not in the log, and sets these again.

    A schedule has no timer between a firing and the moment in which its reader sets the next one. Should a firing get lost, no
    other one follows, so the search is repeated.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._search_at = 0.0

    async def search_when_due(self, session: LeaderSession) -> None:
        """Search, unless the last search was lately.

        Raises:
            LogUnavailable: The log does not answer.
        """
        now = asyncio.get_running_loop().time()
        if now >= self._search_at:
            is_firing = await rearm_missing(self._log, session)
            self._search_at = now + (FIRING_SECONDS if is_firing else REARM_SECONDS)


async def rearm_missing(event_log: Log, session: LeaderSession) -> bool:
    """Set the timers of active schedules that are in the read model and not in the log.

    Returns:
        Whether some of them have just fired, and are therefore left alone for now.

    Raises:
        LogUnavailable: The log does not answer.
    """
    held = await session.hold_while(subjects_present(event_log, subjects.SCHEDULE_TIMERS))
    after, is_firing = "", False
    while rows := await list_schedules_after(session, after, ROWS):
        for row in rows:
            if subjects.schedule_timer(row.owner, row.id) not in held:
                is_firing = await session.hold_while(_rearm(event_log, row)) or is_firing
        after = rows[-1].id
    return is_firing


async def _rearm(event_log: Log, row: ScheduleRow) -> bool:
    """Set the timer of a schedule if it is active; returns whether it has just fired and was left alone."""
    now = clock.now()
    try:
        saved, last = await _newest_definition(event_log, row)
        if saved is None or not is_active(saved.definition, now):
            return False
        if (next_at := following(saved.definition, now, row.announced_at or now)) is None:
            return False
        if await _fires_now(event_log, row, now):
            return True
        saved = msgspec.structs.replace(saved, next_at=next_at)
        await save_schedule(event_log, row.owner, row.id, saved, conditions.subject_unchanged(last))
        log.warning("a schedule had lost its timer; it is set again", schedule=row.id)
    except AppendRefused:
        # Somebody saved the schedule in this moment, which has set its timer.
        return False
    except (TooLarge, LogFull, ValueError, msgspec.MsgspecError) as error:
        log.error("a schedule's timer cannot be set again", schedule=row.id, error=str(error))
    return False


async def _fires_now(event_log: Log, row: ScheduleRow, now: datetime) -> bool:
    """Whether a schedule has fired lately, so that somebody is about to set its next timer."""
    fired = await event_log.replayer.last(subjects.schedule_event(ScheduleEventName.FIRED, row.owner, row.id))
    return fired is not None and (now - fired.at).total_seconds() < FIRING_SECONDS


async def _newest_definition(event_log: Log, row: ScheduleRow) -> tuple[ScheduleSaved | None, int]:
    """Read the newest definition of a schedule. What the log has goes before the row, which may be behind.

    Returns:
        The definition, None when the schedule was deleted; and the sequence of its `saved` event, 0 when the log has none.
    """
    record = await event_log.replayer.last(subjects.schedule_event(ScheduleEventName.SAVED, row.owner, row.id))
    if record is None:
        deleted = await event_log.replayer.last(subjects.schedule_event(ScheduleEventName.DELETED, row.owner, row.id))
        definition = msgspec.json.decode(row.definition, type=ScheduleDefinition)
        saved = ScheduleSaved(definition=definition, created_at=row.created_at, updated_at=row.updated_at)
        return (None if deleted is not None else saved), 0
    known = decode(record.payload)
    if not isinstance(known, ScheduleSaved):
        return None, record.sequence
    updated_at = known.updated_at or record.at
    saved = msgspec.structs.replace(known, next_at=None, created_at=row.created_at, updated_at=updated_at)
    return saved, record.sequence
