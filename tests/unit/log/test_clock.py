from __future__ import annotations

from collections.abc import Generator
from datetime import UTC, datetime, timedelta

import pytest

from headrace.log import clock
from headrace.log.connection import Log

NOON = datetime(2030, 1, 1, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture(autouse=True)
def _noon(monkeypatch: pytest.MonkeyPatch) -> Generator[None]:  # pyright: ignore[reportUnusedFunction]
    monkeypatch.setattr(clock, "system_now", lambda: NOON)
    yield
    clock.measure(NOON, NOON, NOON)


@pytest.mark.parametrize("seconds", [-3600, -3, -1, 1, 3, 3600])
def test_time_goes_by_the_server_whatever_this_machine_says(seconds: int) -> None:
    clock.measure(NOON, NOON + seconds * SECOND, NOON)
    assert clock.now() == NOON + seconds * SECOND


def test_a_difference_is_told_from_two_seconds_on_until_it_is_gone() -> None:
    clock.measure(NOON, NOON + SECOND, NOON)
    assert clock.problem() is None
    clock.measure(NOON, NOON - 3 * SECOND, NOON)
    assert (clock.problem() or "").startswith("the clock of this machine is 3.0 s ahead of that of NATS")
    clock.measure(NOON, NOON, NOON)
    assert clock.problem() is None


def test_what_a_measurement_cannot_tell_from_nothing_is_nothing() -> None:
    clock.measure(NOON, NOON + SECOND / 4, NOON + SECOND / 2)
    assert clock.now() == NOON
    clock.measure(NOON, NOON + 0.3 * SECOND, NOON + SECOND / 10)
    assert clock.now() == NOON + 0.25 * SECOND


def test_an_answer_that_took_long_says_nothing() -> None:
    clock.measure(NOON, NOON + 60 * SECOND, NOON)
    clock.measure(NOON, NOON + 90 * SECOND, NOON + 5 * SECOND)
    assert clock.now() == NOON + 60 * SECOND


async def test_asking_for_the_extent_of_the_log_measures_the_clock(shared_log: Log) -> None:
    await shared_log.refresh()
    assert abs(clock.now() - datetime.now(UTC)) < SECOND
