"""How starts are counted: windows by the clock, never more than a window's limit, whatever the counter does."""

from __future__ import annotations

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest

from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.worker import rate as module
from headrace.worker.rate import COUNT_RETRY_SECONDS, MARGIN_SECONDS, Rate

NOON = 1_800_000_000.0


class Clock:
    """Time that passes when somebody sleeps, or as told."""

    def __init__(self, now: float) -> None:
        self.now = now

    def time(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


class Counters:
    """Counters as the log's servers keep them, each answer after ``latency`` seconds; those to come may fail."""

    def __init__(self, clock: Clock, latency: float = 0.001) -> None:
        self.clock = clock
        self.latency = latency
        self.failures = 0
        self.counts: Counter[str] = Counter()
        self.made = 0

    async def count(self, subject: str) -> int:
        self.clock.now += self.latency
        if self.failures:
            self.failures -= 1
            raise LogUnavailable("away")
        self.counts[subject] += 1
        return self.counts[subject]

    async def make(self, _log: Any) -> None:
        self.made += 1
        if self.failures:
            self.failures -= 1
            raise LogUnavailable("away")

    def rate(self, per_second: float) -> Rate:
        log = SimpleNamespace(appender=self, connection=None, settings=SimpleNamespace(replicas=1))
        return Rate(cast("Log", log), "echo", per_second)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock(NOON + 0.5)
    monkeypatch.setattr(module, "clock", SimpleNamespace(now=lambda: SimpleNamespace(timestamp=clock.time)))
    monkeypatch.setattr(module, "asyncio", SimpleNamespace(sleep=clock.sleep, Lock=asyncio.Lock))
    return clock


@pytest.fixture
def counters(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Counters:
    counters = Counters(clock)
    monkeypatch.setattr(module, "provision_rates", counters.make)
    return counters


@pytest.mark.parametrize(
    ("per_second", "limit", "window"),
    [(1, 1, 1.0), (10, 10, 1.0), (10_000, 10_000, 1.0), (0.1, 1, 10.0), (0.5, 1, 2.0), (1 / 3600, 1, 3600.0)],
)
def test_a_rate_is_a_limit_in_windows_of_a_second_or_one_in_a_longer_window(
    counters: Counters, per_second: float, limit: int, window: float
) -> None:
    rate = counters.rate(per_second)
    assert (rate.limit, rate.window) == (limit, pytest.approx(window))


@pytest.mark.parametrize("per_second", [1, 3, 50, 0.1, 0.3])
async def test_no_window_by_the_clock_has_more_starts_than_its_limit_however_many_workers(
    clock: Clock, counters: Counters, per_second: float
) -> None:
    rates = [counters.rate(per_second) for _ in range(3)]
    starts: Counter[int] = Counter()
    for number in range(200):
        await rates[number % 3].permit()
        starts[int(clock.now // rates[0].window)] += 1
    assert max(starts.values()) == rates[0].limit
    full = range(min(starts) + 1, max(starts))
    assert all(starts[window] == rates[0].limit for window in full), "and no window is left empty"


async def test_the_end_of_a_window_is_left_free(clock: Clock, counters: Counters) -> None:
    clock.now = NOON + 1 - MARGIN_SECONDS / 2
    await counters.rate(5).permit()
    assert clock.now > NOON + 1
    assert set(counters.counts) == {subjects.rate_counter("echo", int(NOON) + 1)}


async def test_a_start_that_was_counted_too_late_for_its_window_is_counted_again(
    clock: Clock, counters: Counters
) -> None:
    counters.latency = 0.3
    clock.now = NOON + 0.8
    await counters.rate(5).permit()
    assert int(clock.now) == int(NOON) + 1
    assert counters.counts.total() == 2


async def test_a_full_window_is_not_counted_again(counters: Counters) -> None:
    rate = counters.rate(2)
    for _ in range(5):
        await rate.permit()
    assert counters.counts == {subjects.rate_counter("echo", int(NOON) + n): count for n, count in enumerate([3, 3, 1])}


async def test_what_cannot_be_counted_waits_and_the_counter_is_made_again(clock: Clock, counters: Counters) -> None:
    rate = counters.rate(2)
    counters.failures = 3  # counting, making it, counting
    await rate.permit()
    assert counters.made == 2
    assert clock.now >= NOON + 0.5 + 2 * COUNT_RETRY_SECONDS
    assert counters.counts.total() == 1


async def test_workers_share_a_counter_that_comes_back_after_its_servers_were_started_again(log: Log) -> None:
    rates = [Rate(log, "echo", 5), Rate(log, "echo", 5)]
    permits: list[str] = []
    rates[0].on_permit = rates[1].on_permit = lambda: permits.append("")
    await rates[0].open()
    await asyncio.gather(*(rate.permit() for rate in rates for _ in range(3)))
    page = await log.replayer.page(subjects.RATES, stream=subjects.RATES_STREAM)
    assert len(page.records) == 2, "of six, one had to wait for the next second"
    await log.jetstream.request(f"STREAM.DELETE.{subjects.RATES_STREAM}")
    await rates[1].permit()
    assert len(permits) == 7
