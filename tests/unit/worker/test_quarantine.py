"""Telling who kills a worker from who only runs beside it."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from headrace.worker import quarantine as quarantine_module
from headrace.worker.quarantine import Quarantine


async def test_a_suspect_is_started_only_when_what_was_started_before_has_settled(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quarantine_module, "SETTLE_SECONDS", 0.05)
    quarantine, suspect, loop = Quarantine(), cast("Any", object()), asyncio.get_running_loop()
    await quarantine.calm()
    started = loop.time()
    async with quarantine.alone(suspect):
        assert loop.time() - started >= 0.05


async def test_nothing_is_started_beside_a_suspect_and_the_next_suspect_waits_for_its_turn() -> None:
    quarantine, order = Quarantine(), list[str]()

    async def suspected(name: str) -> None:
        async with quarantine.alone(cast("Any", object())):
            order.append(f"{name} begins")
            await asyncio.sleep(0)
            order.append(f"{name} ends")

    async def innocent() -> None:
        await quarantine.calm()
        order.append("innocent")

    suspects = [asyncio.create_task(suspected(name)) for name in "ab"]
    await asyncio.sleep(0)
    await asyncio.gather(*suspects, innocent())
    assert order.index("a ends") < order.index("b begins")
    for name in "ab":
        assert not order.index(f"{name} begins") < order.index("innocent") < order.index(f"{name} ends")


async def test_a_suspect_that_is_stopped_while_it_waits_for_the_others_to_settle_holds_nobody_up() -> None:
    quarantine = Quarantine()
    await quarantine.calm()

    async def suspected() -> None:
        async with quarantine.alone(cast("Any", object())):
            raise AssertionError("it was stopped before")

    waiting = asyncio.create_task(suspected())
    await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait([waiting])
    async with asyncio.timeout(1):
        await quarantine.calm()
