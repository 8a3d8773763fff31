from __future__ import annotations

import asyncio

import pytest

from headrace.contracts.tasks import Priority
from headrace.log.connection import Log
from headrace.log.consumers import all_consumers, kind_consumers, provision_projector
from headrace.log.jetstream import ProvisionError
from headrace.log.lanes import provision_lanes
from headrace.log.opening import open_log
from headrace.settings import Settings, StreamSettings


async def queue(log: Log, *priorities: Priority) -> None:
    for number, priority in enumerate(priorities):
        await log._connection.jetstream().publish(f"hr.tasks.queued.echo.{priority}.u.{number}", b"{}")


async def take(log: Log, durable: str, count: int) -> list[int]:
    """Have records delivered, and acknowledge them; the sequences."""
    pulling = await log._connection.jetstream().pull_subscribe_bind(durable=durable, stream="HEADRACE")
    messages = await pulling.fetch(count)
    for message in messages:
        await message.ack_sync()
    await pulling.unsubscribe()
    return [message.metadata.sequence.stream for message in messages]


async def test_many_processes_may_provision_at_once(settings: Settings) -> None:
    async def start() -> int:
        async with open_log(settings, "test") as own:
            await provision_lanes(own, "echo", None)
            await provision_projector(own)
            return own.epoch

    epochs = await asyncio.gather(*(start() for _ in range(6)))
    assert len(set(epochs)) == 1


async def test_a_lane_is_made_once_and_follows_its_settings(log: Log) -> None:
    log.settings = StreamSettings(ack_wait=5)
    (made, *_) = await provision_lanes(log, "echo", None)
    await log._connection.jetstream().publish("hr.tasks.queued.echo.high.u.1", b"{}")
    await log._connection.jetstream().publish("hr.tasks.queued.echo.low.u.2", b"{}")
    log.settings = StreamSettings(ack_wait=7)
    (again, *_) = await provision_lanes(log, "echo", None)
    assert (made.waiting, again.waiting) == (0, 1)
    assert again.created == made.created
    found = (await kind_consumers(log, "echo"))["run-echo-high"]
    assert found["config"]["filter_subject"] == "hr.tasks.queued.echo.high.>"
    assert found["config"]["ack_wait"] == 7 * 1_000_000_000
    assert found["config"]["ack_policy"] == "explicit"


async def test_a_kind_with_a_limit_has_one_lane_that_lets_no_more_out(log: Log) -> None:
    await queue(log, Priority.LOW, Priority.HIGH)
    (lane,) = await provision_lanes(log, "echo", 3)
    assert (lane.durable, lane.priority, lane.waiting) == ("run-echo", None, 2)
    (again,) = await provision_lanes(log, "echo", 7)
    assert again == lane
    (found,) = await all_consumers(log)
    assert found["config"]["filter_subject"] == "hr.tasks.queued.echo.>"
    assert found["config"]["max_ack_pending"] == 7


async def test_a_kind_without_a_limit_has_a_lane_for_each_priority(log: Log) -> None:
    lanes = await provision_lanes(log, "echo", None)
    assert [(lane.durable, lane.priority) for lane in lanes] == [(f"run-echo-{each}", each) for each in Priority]


@pytest.mark.invariant(1)
async def test_lanes_of_the_other_form_are_taken_away_and_the_new_begin_where_they_were(log: Log) -> None:
    made = await provision_lanes(log, "echo", None)
    await provision_lanes(log, "echo_too", None)
    await queue(log, Priority.HIGH, Priority.NORMAL, Priority.NORMAL)
    assert await take(log, "run-echo-high", 1) == [1]
    assert await take(log, "run-echo-normal", 1) == [2]

    (limited,) = await provision_lanes(log, "echo", 2)
    assert limited.waiting == 1
    assert limited.created > max(lane.created for lane in made)
    names = {each["name"] for each in await all_consumers(log)}
    assert names == {"run-echo", *(f"run-echo_too-{priority}" for priority in Priority)}
    await provision_lanes(log, "echo", 4)
    await queue(log, Priority.LOW)
    assert await take(log, "run-echo", 1) == [3]

    back = await provision_lanes(log, "echo", None)
    assert [lane.waiting for lane in back] == [0, 0, 1]
    assert await take(log, "run-echo-low", 1) == [4]


async def test_many_processes_may_change_the_form_at_once(settings: Settings) -> None:
    async def change(concurrency: int | None) -> None:
        async with open_log(settings, "test") as own:
            await provision_lanes(own, "echo", concurrency)

    async with open_log(settings, "test") as log:
        await provision_lanes(log, "echo", None)
        await queue(log, *Priority)
        await asyncio.gather(*(change(2) for _ in range(6)))
        assert [each["name"] for each in await all_consumers(log)] == ["run-echo"]
        await asyncio.gather(*(change(None) for _ in range(6)))
        found = {each["name"]: each["num_pending"] for each in await all_consumers(log)}
        assert found == {f"run-echo-{priority}": 1 for priority in Priority}


async def test_a_lane_that_cannot_be_made_is_named(log: Log) -> None:
    consumer = {"durable_name": "run-echo-high", "filter_subject": "hr.tasks.>", "ack_policy": "none"}
    await log.jetstream.request(
        "CONSUMER.DURABLE.CREATE.HEADRACE.run-echo-high",
        {"stream_name": "HEADRACE", "config": consumer},
    )
    with pytest.raises(ProvisionError, match="consumer run-echo-high: cannot create or change it: "):
        await provision_lanes(log, "echo", None)
