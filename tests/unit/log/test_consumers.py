from __future__ import annotations

import asyncio

from headrace.contracts.tasks import Priority
from headrace.embedded.nats import EmbeddedNats
from headrace.log.connection import Log
from headrace.log.consumers import all_consumers, provision_projector, reset_consumer
from headrace.log.lanes import provision_lanes


async def test_every_consumer_is_listed_however_many(log: Log, nats: EmbeddedNats) -> None:
    wanted = {f"kind_{number}" for number in range(90)}
    await asyncio.gather(*(provision_lanes(log, kind, None) for kind in wanted))
    found = [each["name"] for each in await all_consumers(log)]
    assert sorted(found) == sorted(f"run-{kind}-{priority}" for kind in wanted for priority in Priority)
    await nats.kill()  # so many take seconds to be stopped one by one


async def test_a_consumer_can_be_set_back(log: Log) -> None:
    await provision_projector(log)
    for number in range(5):
        await log._connection.jetstream().publish(f"hr.tasks.queued.echo.normal.u.{number}", b"{}")
    pulling = await log._connection.jetstream().pull_subscribe_bind(durable="projector", stream="HEADRACE")
    first = [message.metadata.sequence for message in await pulling.fetch(5)]
    assert [(each.stream, each.consumer) for each in first] == [(n, n) for n in range(1, 6)]

    await reset_consumer(log, "projector", 3)
    again = [message.metadata for message in await pulling.fetch(3)]
    assert [(each.sequence.stream, each.sequence.consumer) for each in again] == [(3, 1), (4, 2), (5, 3)]
    assert {each.num_delivered for each in again} == {1}
