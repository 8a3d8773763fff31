from __future__ import annotations

from datetime import timedelta

from headrace.contracts.tasks import Priority
from headrace.log import clock, subjects
from headrace.log.connection import Log
from headrace.log.lane_states import LaneState, read_lanes
from headrace.log.lanes import ACK_PENDING_MAX, provision_lanes
from headrace.log.pauses import pause_kind
from headrace.log.queues import count_deferred
from headrace.log.subjects import TaskSubject
from headrace.log.timers import timer_headers
from tests.waiting import until

OWNER = "u1"


async def append_queued(log: Log, kind: str, priority: Priority, count: int) -> None:
    for number in range(count):
        await log.appender.append(str(TaskSubject("queued", kind, priority, OWNER, f"{priority}-{number}")), b"{}", {})


async def lane(log: Log, kind: str, priority: str | None) -> LaneState:
    (found,) = [each for each in await read_lanes(log) if (each.kind, each.priority) == (kind, priority)]
    return found


async def test_a_lane_says_what_waits_in_it_since_when_and_who_pulls(log: Log) -> None:
    await provision_lanes(log, "resize", None)
    idle = await lane(log, "resize", "high")
    assert (idle.queued, idle.running, idle.pulls, idle.paused, idle.oldest_at) == (0, 0, 0, False, None)
    assert idle.running_max == ACK_PENDING_MAX
    await append_queued(log, "resize", Priority.HIGH, 3)
    await append_queued(log, "resize", Priority.LOW, 1)
    waiting = await lane(log, "resize", "high")
    assert waiting.queued == 3
    first = await log.replayer.page(subjects.queued_in_lane("resize", "high"), records=1)
    assert waiting.oldest_at == first.records[0].at
    assert (await lane(log, "resize", "normal")).queued == 0

    delivered: list[int] = []
    puller = log.puller("run-resize-high", lambda delivery: delivered.append(delivery.sequence), lambda _: None)
    await puller.open()
    await puller.pull(1, 10.0)
    await until(lambda: bool(delivered), "a delivery")
    one_runs = await lane(log, "resize", "high")
    assert (one_runs.queued, one_runs.running) == (2, 1)
    second = await log.replayer.page(subjects.queued_in_lane("resize", "high"), start=delivered[0] + 1, records=1)
    assert one_runs.oldest_at == second.records[0].at
    await puller.pull(10, 10.0)
    await until(lambda: len(delivered) == 3, "all deliveries")
    all_run = await lane(log, "resize", "high")
    assert (all_run.queued, all_run.running, all_run.pulls, all_run.oldest_at) == (0, 3, 1, None)
    await puller.close()


async def test_a_kind_with_a_limit_has_one_lane_for_all_priorities_which_may_be_paused(log: Log) -> None:
    await provision_lanes(log, "mail", 2)
    await pause_kind(log, "mail", paused=True)
    found = await lane(log, "mail", None)
    assert (found.running_max, found.paused) == (2, True)


async def test_tasks_that_are_not_due_are_counted_without_being_read(log: Log) -> None:
    assert await count_deferred(log) == 0
    for number in range(7):
        target = str(TaskSubject("queued", "resize", "high", OWNER, f"t{number}"))
        headers = timer_headers(clock.now() + timedelta(hours=1 + number), target, {})
        await log.appender.append(subjects.task_timer(OWNER, f"t{number}"), b"{}", headers)
    assert await count_deferred(log) == 7
