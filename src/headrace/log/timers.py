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
    return {**headers, **exact_timer_headers(due_at - EARLY, target)}


def exact_timer_headers(at: datetime, target: str) -> dict[str, str]:
    """The headers of a timer that appends its payload to ``target`` at an instant, or up to 250 ms later."""
    return {
        subjects.SCHEDULE: f"@at {at.astimezone(UTC).isoformat(timespec='microseconds').replace('+00:00', 'Z')}",
        subjects.SCHEDULE_TARGET: target,
        subjects.TTL: "never",
    }


def due_at(schedule: str) -> datetime:
    """When a task is due whose timer has this schedule.

    Raises:
        ValueError: it is not the schedule of a timer that fires once.
    """
    once, _, at = schedule.partition(" ")
    if once != "@at":
        raise ValueError(f"{schedule!r} is not the schedule of a timer that fires once")
    return datetime.fromisoformat(at) + EARLY
