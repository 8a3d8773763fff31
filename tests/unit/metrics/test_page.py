from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from importlib.metadata import version

import pytest
from prometheus_client.metrics_core import Metric

from headrace.metrics import page as page_module
from headrace.metrics.families import counter_by, histogram_by
from headrace.metrics.page import MetricsPage
from headrace.metrics.series import TASK_SECONDS, CounterBy, HistogramBy
from tests.unit.metrics.samples import samples_in


class Counted:
    def __init__(self) -> None:
        self.done = CounterBy()
        self.seconds = HistogramBy(TASK_SECONDS)
        self.threads: list[str] = []

    def collect(self) -> Iterable[Metric]:
        self.threads.append(threading.current_thread().name)
        yield counter_by("headrace_done", "What was done", ("kind", "outcome"), self.done)
        yield histogram_by("headrace_took_seconds", "How long it took", ("kind",), self.seconds)


def _page_of(counted: Counted) -> MetricsPage:
    page = MetricsPage()
    page.add(counted)
    return page


async def test_a_page_has_what_was_counted_and_what_the_process_is() -> None:
    counted = Counted()
    counted.done.add(("thumbnail", "succeeded"), 3)
    counted.seconds.record(("thumbnail",), 0.2)
    counted.seconds.record(("thumbnail",), 400.0)
    found = samples_in(await _page_of(counted).read())
    assert found["headrace_done_total:thumbnail:succeeded"] == 3
    assert found["headrace_took_seconds_bucket:thumbnail:0.25"] == 1
    assert found["headrace_took_seconds_count:thumbnail"] == found["headrace_took_seconds_bucket:thumbnail:+Inf"] == 2
    assert found["headrace_took_seconds_sum:thumbnail"] == pytest.approx(400.2)
    assert any(name.startswith("headrace_build_info:") and version("headrace") in name for name in found)
    assert found["process_resident_memory_bytes"] > 1e6
    assert found["process_open_fds"] > 3


async def test_a_page_is_rendered_beside_the_event_loop_once_a_second_however_many_ask(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    counted = Counted()
    page = _page_of(counted)
    pages = await asyncio.gather(*(page.read() for _ in range(5)))
    assert counted.threads == ["metrics_0"]
    assert len(set(pages)) == 1
    monkeypatch.setattr(page_module, "KEPT_SECONDS", 0.0)
    page = _page_of(counted)
    await page.read()
    counted.done.add(("thumbnail", "failed"))
    assert b'outcome="failed"' in await page.read()


async def test_a_page_can_be_read_while_thousands_of_series_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_module, "KEPT_SECONDS", 0.0)
    counted = Counted()
    page = _page_of(counted)
    reading = asyncio.gather(*(page.read() for _ in range(3)))
    for number in range(20_000):
        counted.done.add((f"kind{number % 200}", f"outcome{number % 7}"))
        counted.seconds.record((f"kind{number % 200}",), 0.1)
        if number % 100 == 0:
            await asyncio.sleep(0)
    await reading
    found = samples_in(await page.read())
    assert sum(value for name, value in found.items() if name.startswith("headrace_done_total:")) == 20_000


async def test_numbers_that_have_to_be_fetched_are_fetched_before_the_page_is_rendered() -> None:
    counted = Counted()

    async def fetch() -> None:
        counted.done.add(("thumbnail", "fetched"))

    page = _page_of(counted)
    page.prepare = fetch
    assert b'outcome="fetched"' in await page.read()
