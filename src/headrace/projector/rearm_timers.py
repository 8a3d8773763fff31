"""Setting the timers of schedules again that the broker has lost."""

from __future__ import annotations

import msgspec

from headrace.contracts.schedules import ScheduleDefinition, ScheduleEventName, ScheduleSaved, decode
from headrace.cron import is_active
from headrace.errors import AppendRefused, LogFull, ScheduleRefused, TooLarge
from headrace.lifecycle.schedules import save_schedule
from headrace.log import clock, conditions, subjects
from headrace.log.connection import Log
from headrace.log.prune import subjects_present
from headrace.store.leader_queries import list_schedules_after
from headrace.store.leadership import LeaderSession
from headrace.store.tables import ScheduleRow
from headrace.telemetry import get_logger

ROWS = 100  # schedules read in one query; each may carry a large input

log = get_logger(__name__)


async def rearm_missing(event_log: Log, session: LeaderSession) -> None:
    """Set the timers of active schedules that are in the read model and not in the log.

    Raises:
        LogUnavailable: The log does not answer.
    """
    held = await subjects_present(event_log, subjects.SCHEDULE_TIMERS)
    after = ""
    while rows := await list_schedules_after(session, after, ROWS):
        for row in rows:
            if subjects.schedule_timer(row.owner, row.id) not in held:
                await _rearm(event_log, row)
        after = rows[-1].id


async def _rearm(event_log: Log, row: ScheduleRow) -> None:
    """Set the timer of a schedule, if it is active."""
    try:
        saved, last = await _newest_definition(event_log, row)
        if saved is not None and is_active(saved.definition, clock.now()):
            await save_schedule(event_log, row.owner, row.id, saved, conditions.subject_unchanged(last))
            log.warning("a schedule had lost its timer; it is set again", schedule=row.id)
    except AppendRefused:
        # Somebody saved the schedule in this moment, which has set its timer.
        return
    except (ScheduleRefused, TooLarge, LogFull, ValueError, msgspec.MsgspecError) as error:
        log.error("a schedule's timer cannot be set again", schedule=row.id, error=str(error))


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
    saved = ScheduleSaved(definition=known.definition, created_at=row.created_at, updated_at=updated_at)
    return saved, record.sequence
