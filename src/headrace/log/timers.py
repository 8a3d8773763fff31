"""Timers: messages that the broker holds until they are due (ADR-51).

The broker checks its timers every 250 ms, so a timer may fire that late. Headrace sets timers that much early instead: the
queued task says when it is due, and a worker that gets it before gives it back with a delay, which the broker keeps to the
millisecond. Timers are exempt from the log's retention, so a task may be due later than that.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from headrace.log import clock, subjects

EARLY = timedelta(seconds=0.3)  # the server's 250 ms between two checks of its timers, and the time that firing takes


def is_due_soon(due_at: datetime) -> bool:
    """Whether a task is due before a timer could fire. It is then queued at once, and the consumer delays its delivery."""
    return due_at - clock.now() <= EARLY


def timer_headers(due_at: datetime, target: str, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a timer that appends its payload with ``headers`` to ``target``, just before ``due_at``."""
    fires_at = (due_at - EARLY).astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {
        **headers,
        subjects.SCHEDULE: f"@at {fires_at}",
        subjects.SCHEDULE_TARGET: target,
        subjects.TTL: "never",
    }


def repeating_headers(pattern: str, target: str, time_zone: str | None = None) -> dict[str, str]:
    """The headers of a timer that appends its payload to ``target`` again and again.

    Args:
        pattern: Six cron fields, or ``@every`` and a duration as Go writes it.
        target: The subject of the appended records.
        time_zone: The IANA name of the zone in which cron fields count.
    """
    headers = {subjects.SCHEDULE: pattern, subjects.SCHEDULE_TARGET: target, subjects.TTL: "never"}
    return headers if time_zone is None else {**headers, subjects.SCHEDULE_TIME_ZONE: time_zone}
