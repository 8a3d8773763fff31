"""When a schedule fires: the calendar of a cron expression or of an interval. Pure functions.

An occurrence of a cron expression is an instant at which the clocks of its time zone match it. A time that the clocks skip in
spring does not occur; a time that they show twice in autumn occurs twice. Dialects of cron differ in details (is Sunday also 7?
what does `*/2` mean for the days?), and in what they make of clocks that change by half an hour. So nobody else, above all not
the broker, has to understand an expression: a timer of the broker is set for one instant, the next occurrence.

The occurrences of an interval are its start and then every so many seconds. Without a start, one of them is known.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from cronsim import CronSim, CronSimError

from headrace.contracts.schedules import ScheduleDefinition

FIELDS = 6
MINUTES_OF_DAY = 1440
HORIZON = datetime(2262, 1, 1, tzinfo=UTC)  # the broker's timers count nanoseconds since 1970 in 64 bits
_SECOND = timedelta(seconds=1)
_MICROSECOND = timedelta(microseconds=1)
_PERIOD_MIN = timedelta(days=1)  # no zone changes its UTC offset twice within a day
_OF_THE_MACHINE = frozenset({"localtime", "posixrules", "Factory"})
_BESIDE_IANA = ("right/", "posix/")
_ANY_INSTANT = datetime(2000, 1, 1, tzinfo=UTC)


def spell_out(cron: str) -> str:
    """Return a cron expression in the dialect that all implementations share: numbers, commas and stars.

    Raises:
        ValueError: the expression does not have six valid fields, or cannot be spelled out. The message says why.
    """
    if (fields := len(cron.split())) != FIELDS:
        # Without seconds it is what crontab(5) takes.
        hint = "; write a 0 for the second before them" if fields == FIELDS - 1 else ""
        raise ValueError(
            f"{FIELDS} fields are needed, second minute hour day-of-month month day-of-week; here are {fields}{hint}"
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
        # The expression matches when either the day or the weekday does, and one of the two always matches.
        every_day = every_weekday = True
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


def is_time_zone(name: str) -> bool:
    """Whether a name means a time zone, and the same one on every machine.

    Of the names that systems add to those of IANA, ``localtime`` is the machine's own zone, ``Factory`` is none, and the zones
    below ``right/`` count leap seconds, which Python and the broker do not.
    """
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return False
    return name not in _OF_THE_MACHINE and not name.startswith(_BESIDE_IANA)


def first(definition: ScheduleDefinition, set_at: datetime) -> datetime | None:
    """Return the first firing of a schedule that is saved at an instant; None when it never fires.

    Without a start, an interval is counted from the nearest second.
    """
    second = (set_at + timedelta(microseconds=500_000)).replace(microsecond=0)
    try:
        return following(definition, set_at, second + timedelta(seconds=definition.every or 0))
    except OverflowError:
        return None


def same_times(one: ScheduleDefinition, other: ScheduleDefinition) -> bool:
    """Whether two definitions have the same occurrences, apart from where an interval is counted from."""
    return (one.cron, one.time_zone, one.every, one.start_at) == (
        other.cron,
        other.time_zone,
        other.every,
        other.start_at,
    )


def firings_per_minute(cron: str | None, every: int | None) -> float:
    """Return how often something fires in a minute, on average over a day on which it does.

    Args:
        cron: A valid cron expression; None for an interval.
        every: The seconds of the interval.
    """
    if cron is None:
        return 60 / every if every else 0.0
    parsed = CronSim(cron, _ANY_INSTANT)
    return len(parsed.seconds) * len(parsed.minutes) * len(parsed.hours) / MINUTES_OF_DAY


def last_due(definition: ScheduleDefinition, due_at: datetime, until: datetime) -> datetime:
    """Return the last occurrence up to an instant, the instant included, but no earlier one than a known occurrence.

    Args:
        definition: The schedule.
        due_at: The known occurrence.
        until: The instant.
    """
    if definition.cron is not None:
        found = _step(definition.cron, definition.time_zone, until + _MICROSECOND, reverse=True)
        return due_at if found is None else max(due_at, found)
    if not definition.every:
        return due_at
    every = timedelta(seconds=definition.every)
    return due_at + max(0, (until - due_at) // every) * every


def following(definition: ScheduleDefinition, after: datetime, announced: datetime) -> datetime | None:
    """Return the first occurrence after an instant, within the schedule's start and end and before `HORIZON`; None when there is none.

    Args:
        definition: The schedule.
        after: The instant.
        announced: Any firing of an interval, past or future; not used for a cron expression, nor with a start.
    """
    if definition.start_at is not None and definition.start_at > after:
        # An occurrence at the start itself counts.
        after = definition.start_at - _MICROSECOND
    try:
        if definition.cron is not None:
            found = _step(definition.cron, definition.time_zone, after)
        else:
            every, origin = timedelta(seconds=definition.every or 0), definition.start_at or announced
            found = origin + max(0, (after - origin) // every + 1) * every
    except ZeroDivisionError:
        # The log may hold a schedule that no API has accepted: with neither a cron expression nor an interval.
        return None
    except (OverflowError, ValueError):
        # The occurrence would be after the year 9999, which is beyond the horizon as well.
        return None
    return None if found is None or found >= HORIZON or is_over(definition, found) else found


def is_over(definition: ScheduleDefinition, at: datetime) -> bool:
    """Whether a schedule has ended at an instant."""
    return definition.end_at is not None and at >= definition.end_at


def is_active(definition: ScheduleDefinition, now: datetime) -> bool:
    """Whether a schedule needs its timer."""
    return not definition.paused and not is_over(definition, now)


def _step(cron: str, time_zone: str, at: datetime, *, reverse: bool = False) -> datetime | None:
    """Return the nearest occurrence after an instant; with ``reverse``, before it.

    cronsim steps by hours and days of a zone, which leaves out times when clocks change by half an hour. While the UTC offset
    of a zone does not change, its clocks run as those of UTC do. So this searches one such period after the other: cronsim is
    given the time that the clocks show, without a zone, and what it finds counts as far as the period reaches.
    """
    zone, step = ZoneInfo(time_zone), -_SECOND if reverse else _SECOND
    whole = at.astimezone(UTC).replace(microsecond=0)
    # The nearest whole second that may be an occurrence.
    nearest = whole if reverse and at > whole else whole + step
    while True:
        offset = _offset(zone, nearest)
        shown = (nearest + offset).replace(tzinfo=None)
        found = next(CronSim(cron, shown - step, reverse), None)
        if found is None:
            return None
        instant = found.replace(tzinfo=UTC) - offset
        beyond = _leave_period(zone, nearest, instant)
        if beyond is None:
            return instant
        nearest = beyond


def _leave_period(zone: ZoneInfo, begin: datetime, end: datetime) -> datetime | None:
    """Return the first second on the way from ``begin`` to ``end`` at which the UTC offset is another one than at ``begin``.

    The way may lead back in time. None when the offset is the same all the way.
    """
    offset, stride = _offset(zone, begin), _PERIOD_MIN if end >= begin else -_PERIOD_MIN
    inside = begin
    while inside != end:
        outside = min(inside + stride, end) if end >= begin else max(inside + stride, end)
        if _offset(zone, outside) != offset:
            break
        inside = outside
    else:
        return None
    while abs(outside - inside) > _SECOND:
        middle = inside + timedelta(seconds=int((outside - inside).total_seconds()) // 2)
        inside, outside = (middle, outside) if _offset(zone, middle) == offset else (inside, middle)
    return outside


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _numbers(wanted: Iterable[int], of: int) -> str:
    numbers = sorted(set(wanted))
    return "*" if len(numbers) == of else ",".join(map(str, numbers))
