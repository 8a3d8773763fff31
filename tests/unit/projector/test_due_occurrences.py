"""Which occurrences are submitted when a timer fires late, or its firing is read late."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.contracts.schedules import Missed, ScheduleDefinition
from headrace.projector.due_occurrences import occurrences_to_submit

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
SKIP, ONCE = Missed.SKIP, Missed.CATCH_UP_ONCE


def seconds(*numbers: float) -> list[datetime]:
    return [NOON + timedelta(seconds=number) for number in numbers]


@pytest.mark.parametrize("times", [{"every": 60}, {"cron": "0 * * * * *"}])
@pytest.mark.parametrize(
    ("missed", "fired", "read", "served", "submitted"),
    [
        (SKIP, 0.2, 0.3, None, [0]),
        (SKIP, 4.9, 5.0, None, [0]),
        (SKIP, 40, 41, None, []),
        (ONCE, 40, 41, None, [0]),
        # The broker was away over several occurrences; what it fires when it is back stands for the last.
        (SKIP, 200, 201, 199, []),
        (ONCE, 200, 201, 199, [180]),
        (SKIP, 181, 181, 180, [180]),
        # No projector was there, the broker was.
        (SKIP, 0.2, 130, None, [0, 60, 120]),
        (ONCE, 0.2, 130, None, [0, 60, 120]),
        (SKIP, 0.2, 1000, None, [720, 780, 840, 900, 960]),
        # No projector was there, and then the broker was not either.
        (SKIP, 0.2, 130, 100, [0, 120]),
        (SKIP, 0.2, 130, 128, [0]),
        (ONCE, 0.2, 130, 128, [0, 120]),
    ],
)
def test_what_a_firing_stands_for(
    times: dict[str, Any], missed: Missed, fired: float, read: float, served: float | None, submitted: list[float]
) -> None:
    definition = ScheduleDefinition(kind="noop", input={}, missed=missed, **times)
    fired_at, now = seconds(fired, read)
    since = None if served is None else seconds(served)[0]
    assert occurrences_to_submit(definition, NOON, fired_at, now, since) == seconds(*submitted)


def test_of_rare_occurrences_while_nobody_read_the_last_is_submitted() -> None:
    daily = ScheduleDefinition(kind="noop", input={}, every=86_400)
    days = 3 * 86_400
    assert occurrences_to_submit(daily, NOON, *seconds(0.2, days + 3600), None) == seconds(days)
    ended = ScheduleDefinition(kind="noop", input={}, every=86_400, end_at=NOON + timedelta(days=2))
    assert occurrences_to_submit(ended, NOON, *seconds(0.2, days + 3600), None) == []


def test_never_more_are_submitted_than_one_for_each_of_the_last_seconds() -> None:
    definition = ScheduleDefinition(kind="noop", input={}, every=1)
    assert len(occurrences_to_submit(definition, NOON, *seconds(0.2, 86_400), None)) == 300
