"""Timers: messages that the broker holds until they are due (ADR-51).

The broker looks at its timers a quarter of a second apart at the least, so one of many fires up to that late. A timer is set
that much early instead; what it queues says when it is due, and a worker that is given it before has the broker keep it for
the rest, which it does to the millisecond. A timer is exempt from the log's retention, so that it may be due long after.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from headrace.log import subjects

GRAIN = timedelta(seconds=0.3)  # the server's 250 ms between two looks, and what firing takes


def soon(due_at: datetime) -> bool:
    """Whether something is due before a timer could fire: it is queued at once, and held by the consumer."""
    return due_at - datetime.now(UTC) <= GRAIN


def timer_headers(due_at: datetime, target: str, headers: Mapping[str, str]) -> dict[str, str]:
    """The headers of a timer that appends its own payload to ``target``, just before ``due_at``, with ``headers``."""
    fires_at = (due_at - GRAIN).astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return {
        **headers,
        subjects.SCHEDULE: f"@at {fires_at}",
        subjects.SCHEDULE_TARGET: target,
        subjects.TTL: "never",
    }


def repeating_headers(pattern: str, target: str, time_zone: str | None = None) -> dict[str, str]:
    """The headers of a timer that appends its own payload to ``target`` again and again.

    Args:
        pattern: Six cron fields, or ``@every`` and a duration as Go writes it.
        target: A subject.
        time_zone: For cron: an IANA name.
    """
    headers = {subjects.SCHEDULE: pattern, subjects.SCHEDULE_TARGET: target, subjects.TTL: "never"}
    return headers if time_zone is None else {**headers, subjects.SCHEDULE_TIME_ZONE: time_zone}
