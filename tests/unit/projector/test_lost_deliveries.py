"""Up to where the consumers of a log are done with their lanes: what is beyond that is never taken for lost."""

from __future__ import annotations

import pytest
from nats.aio.msg import Msg

from headrace.contracts.tasks import Priority
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.consumers import all_consumers, kind_consumers, provision_firings, provision_projector
from headrace.log.lanes import provision_lanes
from headrace.log.pauses import pause_kind
from headrace.projector.lost_deliveries import ack_floors
from tests.waiting import until

LANE = "run-echo-normal"


async def queue(log: Log, priority: Priority = Priority.NORMAL) -> int:
    subject = f"hr.tasks.queued.echo.{priority}.u.t"
    return (await log._connection.jetstream().publish(subject, b"{}")).seq


async def take(log: Log, count: int, durable: str = LANE) -> list[Msg]:
    """Have a lane deliver records, without an answer."""
    pulling = await log._connection.jetstream().pull_subscribe_bind(durable=durable, stream=subjects.STREAM)
    messages = await pulling.fetch(count)
    await pulling.unsubscribe()
    return messages


async def floors(log: Log) -> dict[tuple[str, str], int]:
    return ack_floors(await all_consumers(log))


async def floor(log: Log, priority: Priority = Priority.NORMAL) -> int:
    return (await floors(log)).get(("echo", priority), 0)


async def test_what_waits_and_what_a_worker_has_is_beyond_the_floor_and_what_is_acknowledged_is_not(log: Log) -> None:
    await provision_lanes(log, "echo", None)
    done, held, waiting = [await queue(log) for _ in range(3)]
    assert await floor(log) < done
    first, second = await take(log, 2)
    assert await floor(log) < done
    await first.ack_sync()
    assert done <= await floor(log) < held
    await second.ack_sync()
    assert held <= await floor(log) < waiting


async def test_a_task_that_is_not_acknowledged_holds_the_floor_whatever_comes_after_it(log: Log) -> None:
    await provision_lanes(log, "echo", None)
    held = await queue(log)
    (first,) = await take(log, 1)
    for _ in range(3):
        await queue(log)
    for message in await take(log, 3):
        await message.ack_sync()
    assert await floor(log) < held
    # As a task that is not due yet, or that a worker gives back, and as one that a worker is still at.
    await first.nak(delay=3600)
    await log._connection.flush()
    assert await floor(log) < held
    assert (await kind_consumers(log, "echo"))[LANE]["num_ack_pending"] == 1


async def test_a_task_that_is_delivered_again_holds_the_floor(log: Log) -> None:
    await provision_lanes(log, "echo", None)
    held = await queue(log)
    (first,) = await take(log, 1)
    await first.nak()
    (again,) = await take(log, 1)
    assert again.metadata.num_delivered == 2
    assert await floor(log) < held
    await again.ack_sync()
    assert await floor(log) >= held


async def test_a_lane_for_all_priorities_has_its_floor_for_each(log: Log) -> None:
    await provision_lanes(log, "echo", 2)
    await provision_projector(log)
    await provision_firings(log)
    low, high = await queue(log, Priority.LOW), await queue(log, Priority.HIGH)
    first, second = await take(log, 2, "run-echo")
    await first.ack_sync()
    assert await floors(log) == {("echo", priority): low for priority in Priority}
    await second.ack_sync()
    assert await floors(log) == {("echo", priority): high for priority in Priority}


async def test_a_paused_lane_has_no_floor(log: Log) -> None:
    await provision_lanes(log, "echo", None)
    await queue(log)
    for message in await take(log, 1):
        await message.ack_sync()
    assert await floor(log) > 0
    await pause_kind(log, "echo", paused=True)
    assert await floors(log) == {}


@pytest.mark.parametrize(("before", "after"), [(None, 2), (2, None)])
async def test_a_lane_that_takes_the_place_of_others_is_not_beyond_what_waits_or_runs(
    log: Log, before: int | None, after: int | None
) -> None:
    await provision_lanes(log, "echo", before)
    durable = LANE if before is None else "run-echo"
    done, held, waiting = [await queue(log) for _ in range(3)]
    first, _ = await take(log, 2, durable)
    await first.ack_sync()
    await until(lambda: floor(log), "the acknowledgement")
    await provision_lanes(log, "echo", after)
    assert await floor(log) <= done < held < waiting


def test_while_a_lane_takes_the_place_of_others_the_lower_floor_counts() -> None:
    def described(name: str, floor: int, delivered: int) -> dict[str, object]:
        return {"name": name, "ack_floor": {"stream_seq": floor}, "delivered": {"stream_seq": delivered}}

    both = [described("run-echo", 7, 9), described("run-echo-high", 8, 8), described("run-echo-low", 9, 5)]
    assert ack_floors(both) == {("echo", "high"): 7, ("echo", "normal"): 7, ("echo", "low"): 5}
    paused = [described("run-echo", 7, 9), {**described("run-echo-high", 8, 8), "paused": True}]
    assert ("echo", "high") not in ack_floors(paused)
