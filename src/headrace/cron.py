"""When schedules fire: the calendar of a cron expression or of an interval. Pure.

An occurrence of a cron expression is an instant at which the clocks of its time zone match: what they skip in spring does not
occur, what they show twice in autumn occurs twice. The broker's timers see it the same way, but dialects of cron differ in
the small (is Sunday also 7? what does `*/2` mean for the days?). So one parser, cronsim, decides what an expression means,
and the broker is told the numbers.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from headrace.contracts.schedules import ScheduleDefinition

FIELDS = 6
_SECOND = timedelta(seconds=1)
_ANY_INSTANT = datetime(2000, 1, 1, tzinfo=UTC)


def spell_out(cron: str) -> str:
    """A cron expression in a dialect that all agree on: numbers, commas and stars.

    Raises:
        ValueError: it is no cron expression of six fields, or asks for what cannot be spelled out. The message says what.
    """
    if (fields := len(cron.split())) != FIELDS:
        raise ValueError(
            f"{FIELDS} fields are needed, second minute hour day-of-month month day-of-week; here are {fields}"
        )
    try:
        parsed = CronSim(cron, _ANY_INSTANT)
    except CronSimError as error:
        raise ValueError(str(error)) from error
    days, weekdays = parsed.days, {day % 7 if isinstance(day, int) else day for day in parsed.weekdays}
    if min(days) < 1 or not all(isinstance(day, int) for day in weekdays):
        raise ValueError("L, LW and # cannot be kept; name the days")
    every_day, every_weekday = len(days) == 31, len(weekdays) == 7
    if parsed.day_and and not every_day and not every_weekday:
        raise ValueError(
            "a step over all days together with another restriction of the day cannot be kept; list the days"
        )
    if not parsed.day_and and (every_day or every_weekday):
        every_day = every_weekday = True  # either matches, and one of them always does
    return " ".join(
        (
            _numbers(parsed.seconds, 60),
            _numbers(parsed.minutes, 60),
            _numbers(parsed.hours, 24),
            "*" if every_day else _numbers(days, 31),
            _numbers(parsed.months, 12),
            "*" if every_weekday else _numbers((day for day in weekdays if isinstance(day, int)), 7),
        )
    )


def occurrence(definition: ScheduleDefinition, next_at: datetime) -> datetime:
    """The occurrence that a firing stands for: the last before the one that the broker announced with it.

    The broker's word rather than the time of the firing, because a firing may be late, by a little or by an outage, and two
    firings must never be taken for the same.
    """
    if definition.cron is None:
        return next_at - timedelta(seconds=definition.every or 0)
    return _step(definition.cron, definition.time_zone, next_at, reverse=True) or next_at


def first(definition: ScheduleDefinition, set_at: datetime) -> datetime | None:
    """The first firing of a timer that was set at an instant; the broker counts intervals from the nearest second."""
    if definition.cron is None:
        second = (set_at + timedelta(microseconds=500_000)).replace(microsecond=0)
        return second + timedelta(seconds=definition.every or 0)
    return _step(definition.cron, definition.time_zone, set_at)


def missed(definition: ScheduleDefinition, expected: datetime, until: datetime) -> datetime:
    """The last occurrence before an instant, when one was ``expected`` that did not come; of an interval, that one."""
    if definition.cron is None:
        return expected
    return _step(definition.cron, definition.time_zone, until, reverse=True) or expected


def following(definition: ScheduleDefinition, after: datetime, announced: datetime) -> datetime | None:
    """The first occurrence after an instant, as far as the schedule's start and end allow.

    Args:
        definition: The schedule.
        after: The instant.
        announced: Of an interval: one of its firings, past or future.
    """
    if definition.start_at is not None and definition.start_at > after:
        after = definition.start_at - timedelta(microseconds=1)  # the start itself is in
    try:
        if definition.cron is not None:
            found = _step(definition.cron, definition.time_zone, after)
        else:
            every = timedelta(seconds=definition.every or 0)
            found = announced + max(0, (after - announced) // every + 1) * every
    except (OverflowError, ValueError):
        return None  # after the year 9999
    return None if found is None or is_over(definition, found) else found


def is_over(definition: ScheduleDefinition, at: datetime) -> bool:
    """Whether the schedule has ended by then."""
    return definition.end_at is not None and at >= definition.end_at


def is_active(definition: ScheduleDefinition, now: datetime) -> bool:
    """Whether the schedule needs its timer."""
    return not definition.paused and not is_over(definition, now)


def _step(cron: str, time_zone: str, at: datetime, *, reverse: bool = False) -> datetime | None:
    """The nearest occurrence after an instant, or before it."""
    zone = ZoneInfo(time_zone)
    while True:
        local = at.astimezone(zone)
        if zone.key == "UTC":
            local = at.astimezone(UTC)
        found = next(CronSim(cron, local, reverse), None)
        if found is None:
            return None
        instant = found.astimezone(UTC)
        if instant.astimezone(found.tzinfo).replace(tzinfo=None) == found.replace(tzinfo=None):
            return instant
        # the first or last second of a day that the clocks skip: go on from where the day really begins, or ends
        at = found.replace(fold=1).astimezone(UTC) + _SECOND if reverse else instant - _SECOND


def _numbers(wanted: Iterable[int], of: int) -> str:
    numbers = sorted(set(wanted))
    return "*" if len(numbers) == of else ",".join(map(str, numbers))
