"""What NATS says of the consumers is asked once for all who want to know it."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from headrace.api import gauges as api_gauges
from headrace.api.gauges import Gauges
from headrace.api.hints.buffer import HintBuffer
from headrace.api.hints.gauges import GaugeHints
from headrace.api.shared_answer import SharedAnswer
from headrace.errors import LogUnavailable
from headrace.log.connection import Log
from headrace.log.consumers import all_consumers, provision_projector
from headrace.log.lanes import provision_lanes
from tests.waiting import until


class Asked:
    """Something to ask, which answers with how often it was asked when it is told to."""

    def __init__(self) -> None:
        self.count = 0
        self.may_answer = asyncio.Event()
        self.error: Exception | None = None

    async def ask(self) -> int:
        self.count += 1
        await self.may_answer.wait()
        if self.error is not None:
            raise self.error
        return self.count


async def test_an_answer_is_asked_for_once_for_all_who_want_it_and_reused_for_a_while() -> None:
    asked = Asked()
    answer = SharedAnswer(asked.ask, seconds=60)
    impatient, *waiting = (asyncio.create_task(answer.get()) for _ in range(5))
    await until(lambda: asked.count, "to be asked")
    impatient.cancel()
    asked.may_answer.set()
    assert await asyncio.gather(*waiting) == [1, 1, 1, 1], "who stops waiting takes the answer from nobody"
    assert (await answer.get(), asked.count) == (1, 1)
    briefly = SharedAnswer(asked.ask, seconds=0)
    assert [await briefly.get(), await briefly.get()] == [2, 3]


async def test_a_failure_goes_to_all_who_wait_and_the_next_one_asks_anew() -> None:
    asked = Asked()
    asked.error = LogUnavailable("away")
    answer = SharedAnswer(asked.ask, seconds=60)
    waiting = [asyncio.create_task(answer.get()) for _ in range(3)]
    await until(lambda: asked.count, "to be asked")
    asked.may_answer.set()
    failed = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(each) for each in failed] == [LogUnavailable] * 3
    asked.error = None
    assert (await answer.get(), asked.count) == (2, 2)


async def test_screens_hints_and_tasks_that_wait_ask_for_the_consumers_once_a_second_together(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = 0

    async def counted(event_log: Log) -> list[dict[str, Any]]:
        nonlocal count
        count += 1
        return await all_consumers(event_log)

    await provision_projector(log)
    await provision_lanes(log, "echo", None)
    await provision_lanes(log, "talk", 1)
    monkeypatch.setattr(api_gauges, "all_consumers", counted)
    monkeypatch.setattr(api_gauges, "KNOWN_SECONDS", 60.0)
    gauges = Gauges(log)
    hints, buffer = GaugeHints(gauges, lambda: 3), HintBuffer(lambda: None)
    hints.join(buffer)
    lanes, *_ = await asyncio.gather(
        gauges.lanes_of("echo"), gauges.lanes_of("talk"), gauges.measure(), gauges.observe(), gauges.observe()
    )
    assert sorted(str(lane.priority) for lane in lanes) == ["high", "low", "normal"]
    assert await gauges.lanes_of("nope") == []
    told = await until(buffer.take, "the hint")
    assert b'"streams":3' in told
    assert (await gauges.measure()).extent.records == 0
    assert count == 1
    hints.leave(buffer)
    buffer.close()
