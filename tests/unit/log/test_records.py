from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from headrace.log.connection import Log
from headrace.log.deliveries import Delivery
from headrace.log.lanes import provision_lanes
from headrace.log.records import Record
from tests.waiting import until


async def test_a_record_is_the_same_however_it_is_read(log: Log) -> None:
    live: list[Record] = []
    pulled: list[Delivery] = []
    await log.live.listen("hr.tasks.>", live.append)
    await provision_lanes(log, "echo", None)
    puller = log.puller("run-echo-normal", pulled.append, lambda _: None)
    await puller.open()
    await puller.pull(20, 5.0)
    payload = '{"text":"žluťoučký"}'.encode()
    for n in range(20):
        await log.appender.append(
            f"hr.tasks.queued.echo.normal.u.{n}", payload, {"Headrace-Batch": "b1", "Headrace-Correlation-Id": "c 1"}
        )
    await until(lambda: len(live) == len(pulled) == 20, "the records")
    paged = (await log.replayer.page("hr.tasks.>")).records
    last = await log.replayer.last("hr.tasks.>")
    assert last is not None
    for one, two, three in zip(live, pulled, paged, strict=True):
        assert one.sequence == two.sequence == three.sequence
        assert one.subject == two.subject == three.subject
        assert one.at == two.at == three.at
        assert one.payload == two.payload == three.payload == payload
        for each in (one, two, three):
            assert each.headers["Headrace-Batch"] == "b1"
            assert each.headers["Headrace-Correlation-Id"] == "c 1"
    assert (last.sequence, last.at) == (paged[-1].sequence, paged[-1].at)
    assert abs(datetime.now(UTC) - last.at) < timedelta(minutes=1)
    assert [each.at for each in paged] == sorted(each.at for each in paged)


async def _count_pending(log: Log, count: int) -> bool:
    info = await log.jetstream.request("CONSUMER.INFO.HEADRACE.run-echo-normal")
    return info["num_pending"] == count


async def test_a_delivery_says_how_often_it_was_made_and_how_many_wait(log: Log) -> None:
    pulled: list[Delivery] = []
    await provision_lanes(log, "echo", None)
    puller = log.puller("run-echo-normal", pulled.append, lambda _: None)
    await puller.open()
    for n in range(3):
        await log.appender.append(f"hr.tasks.queued.echo.normal.u.{n}", b"{}", {})
    # A consumer hears of records a moment after they are in the log.
    await until(lambda: _count_pending(log, 3), "the consumer to know of all three")
    await puller.pull(2, 5.0)
    await until(lambda: len(pulled) == 2, "two deliveries")
    await asyncio.gather(*(each.nak() for each in pulled))
    await puller.pull(3, 5.0)
    await until(lambda: len(pulled) == 5, "all three, two of them again")
    for each in pulled[2:]:
        await each.ack()
    assert [(each.sequence, each.delivered, each.pending) for each in pulled[:2]] == [(1, 1, 2), (2, 1, 1)]
    assert {(each.sequence, each.delivered) for each in pulled[2:]} == {(1, 2), (2, 2), (3, 1)}
    assert [each.consumer_sequence for each in pulled] == [1, 2, 3, 4, 5]
