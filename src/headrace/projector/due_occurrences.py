"""Which occurrences of a schedule are submitted when its timer has fired. Pure functions.

A timer fires late when the broker was away, and its firing is read late when no projector was there. Occurrences for which the
broker was away are missed; the definition says what becomes of them. Those for which only the projectors were away are
submitted, but after some minutes only the last, because all of them would flood its workers.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from headrace.contracts.schedules import Missed, ScheduleDefinition
from headrace.cron import following, is_over, last_due

MISSED = timedelta(seconds=5)  # timers fire up to 0.3 s late; a firing that is later than this was missed
STALE = timedelta(minutes=5)


def occurrences_to_submit(
    definition: ScheduleDefinition, due_at: datetime, fired_at: datetime, now: datetime, served_since: datetime | None
) -> list[datetime]:
    """Return the occurrences up to now that a firing stands for, in order; at most one a second of the last `STALE`.

    Args:
        definition: The schedule.
        due_at: The occurrence that the timer was set for.
        fired_at: When it fired.
        now: When the firing is read.
        served_since: When the broker's servers started; None when that is not known, as for the time it fired.
    """
    fired_for, last = last_due(definition, due_at, fired_at), last_due(definition, due_at, now)
    found: list[datetime] = []
    is_left_to_next = last > fired_for and now - fired_for > STALE
    if not is_left_to_next and (definition.missed is Missed.CATCH_UP_ONCE or fired_at - fired_for <= MISSED):
        found.append(fired_for)
    if last > fired_for:
        found += _while_nobody_read(definition, fired_for, last, now, max(fired_at, served_since or fired_at))
    return [each for each in found if not is_over(definition, each)]


def _while_nobody_read(
    definition: ScheduleDefinition, after: datetime, last: datetime, now: datetime, broker_since: datetime
) -> list[datetime]:
    """Return what to submit of the occurrences after the one that has fired, up to the last one."""
    found: list[datetime] = []
    cursor = max(after, broker_since - MISSED, now - STALE)
    while (cursor := following(definition, cursor, after) or now) <= last:
        found.append(cursor)
    if not found and (last >= broker_since or definition.missed is Missed.CATCH_UP_ONCE):
        found.append(last)
    return found
