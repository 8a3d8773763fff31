from __future__ import annotations

import asyncio

import pytest

from headrace.contracts.tasks import Priority
from headrace.log.connection import Log
from headrace.log.consumers import kind_consumers
from headrace.log.lanes import provision_lanes
from headrace.log.pauses import pause_kind, paused_kinds
from headrace.settings import StreamSettings
from tests.unit.log.test_lanes import queue
from tests.waiting import until


@pytest.mark.invariant(1)
async def test_a_kind_is_paused_whatever_becomes_of_its_lanes_until_it_is_resumed(log: Log) -> None:
    assert not await pause_kind(log, "echo", paused=True)
    for concurrency in (None, 2):
        await provision_lanes(log, "echo", concurrency)
        await provision_lanes(log, "talk", None)
        assert await pause_kind(log, "echo", paused=True)
        assert await paused_kinds(log) == {"echo"}
        log.settings = StreamSettings(ack_wait=7)
        await provision_lanes(log, "echo", concurrency)
        log.settings = StreamSettings()
        assert await paused_kinds(log) == {"echo"}
        await provision_lanes(log, "echo", 2 if concurrency is None else None)
        assert all(info["paused"] for info in (await kind_consumers(log, "echo")).values())
        await provision_lanes(log, "echo", concurrency)
        assert await paused_kinds(log) == {"echo"}
        assert await pause_kind(log, "echo", paused=False)
        assert await paused_kinds(log) == set()
    await pause_kind(log, "talk", paused=True)
    await log.jetstream.request("CONSUMER.DELETE.HEADRACE.run-talk-high")
    await provision_lanes(log, "talk", None)
    assert (await kind_consumers(log, "talk"))["run-talk-high"]["paused"]


async def test_who_waits_for_records_of_a_paused_kind_has_them_as_soon_as_it_is_resumed(log: Log) -> None:
    await provision_lanes(log, "echo", 1)
    await pause_kind(log, "echo", paused=True)
    pulling = await log._connection.jetstream().pull_subscribe_bind(durable="run-echo", stream="HEADRACE")
    taking = asyncio.create_task(pulling.fetch(1, timeout=20))
    await queue(log, Priority.HIGH)

    async def waits() -> bool:
        info = (await kind_consumers(log, "echo"))["run-echo"]
        return info["num_waiting"] == info["num_pending"] == 1

    await until(waits, "the pull")
    await pause_kind(log, "echo", paused=False)
    async with asyncio.timeout(2):
        (message,) = await taking
    assert message.metadata.sequence.stream == 1
