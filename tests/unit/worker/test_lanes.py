from __future__ import annotations

import itertools
from collections import Counter
from types import SimpleNamespace
from typing import cast

import msgspec
import pytest

from headrace.contracts.events import Finished, Outcome, Queued, decode, encode
from headrace.contracts.tasks import Priority
from headrace.errors import LogUnavailable
from headrace.log.connection import Log
from headrace.log.consumers import all_consumers, kind_consumers
from headrace.log.lanes import Lane as LaneConsumer
from headrace.log.lanes import provision_lanes
from headrace.log.subjects import TaskSubject
from headrace.sdk.load import load_kinds
from headrace.worker import lanes
from headrace.worker.low_priority_throttle import LowPriorityThrottle
from headrace.worker.run import Runner
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.waiting import until

SLOTS, THREADS = 6, 4

_numbers = itertools.count(1)


async def queue(log: Log, kind: str, priority: str = "normal", count: int = 1, given: bytes = b"{}") -> list[str]:
    tasks = [f"{kind}-{priority}-{next(_numbers)}" for _ in range(count)]
    payload = encode(Queued(attempt=1, fence=0, input=msgspec.Raw(given)))
    for task in tasks:
        await log.appender.append_nowait(str(TaskSubject("queued", kind, priority, "u", task)), payload, {})
    await log._connection.flush()
    return tasks


@pytest.fixture
async def cluster(make_cluster: MakeCluster) -> Cluster:
    return await make_cluster(
        HEADRACE_CONSUMERS="tests.unit.worker.kinds",
        HEADRACE_WORKER_SLOTS=str(SLOTS),
        HEADRACE_WORKER_THREADS=str(THREADS),
    )


async def started_in_order(cluster: Cluster, kind: str) -> list[str]:
    """The priorities of the tasks of a kind, in the order in which they started."""
    records = await cluster.events(f"hr.tasks.started.{kind}.>")
    return [TaskSubject.parse(record.subject).priority for record in records]


@pytest.mark.parametrize(("slots", "kind"), [(3, "noop"), (6, "together"), (16, "noop")])
async def test_a_lane_goes_first_by_its_priority_and_none_is_kept_waiting_for_ever(
    make_cluster: MakeCluster, slots: int, kind: str
) -> None:
    cluster = await make_cluster(HEADRACE_CONSUMERS="tests.unit.worker.kinds", HEADRACE_WORKER_SLOTS=str(slots))
    queued: list[str] = []
    for priority in ("low", "normal", "high"):  # the most urgent came last
        queued += await queue(cluster.log, kind, priority, 300)
    await cluster.start("worker")
    await cluster.all_finished(queued)

    order = await started_in_order(cluster, kind)
    assert Counter(order) == {"high": 300, "normal": 300, "low": 300}
    first = Counter(order[:100])
    assert first["low"] >= 5, first
    assert first["high"] > first["normal"] > first["low"], first


async def test_a_lone_lane_has_all_slots_and_never_more_run_than_there_are(cluster: Cluster) -> None:
    alone = await queue(cluster.log, "together", "low", 60)
    alone_in_threads = await queue(cluster.log, "together_in_threads", "low", 40)
    await cluster.start("worker")
    await cluster.all_finished(alone + alone_in_threads)
    mixed: list[str] = []
    for _ in range(15):  # in all lanes, as they come
        for priority in Priority:
            mixed += await queue(cluster.log, "together", priority, 3)
            mixed += await queue(cluster.log, "together_in_threads", priority, 2)
    await cluster.all_finished(mixed)

    for kind, slots in (("together", SLOTS), ("together_in_threads", THREADS)):
        ends = [decode(record.payload) for record in await cluster.events(f"hr.tasks.finished.{kind}.>")]
        assert all(isinstance(end, Finished) and end.outcome is Outcome.SUCCEEDED for end in ends)
        beside = [msgspec.json.decode(end.result) for end in ends if isinstance(end, Finished)]
        assert max(beside) <= slots, f"{kind}: {Counter(beside)}"
        assert max(beside) >= slots - 2, f"{kind} leaves slots empty: {Counter(beside)}"


@pytest.mark.invariant(1)
@pytest.mark.invariant(3)
async def test_a_lane_whose_consumer_is_gone_comes_back_by_itself(cluster: Cluster) -> None:
    (worker,) = await cluster.start("worker")
    before = await queue(cluster.log, "noop", "normal", 5)
    await cluster.all_finished(before)
    for priority in Priority:
        await cluster.log.jetstream.request(f"CONSUMER.DELETE.HEADRACE.run-noop-{priority}")
    after = [task for priority in Priority for task in await queue(cluster.log, "noop", priority, 5)]
    await cluster.all_finished(before + after)
    assert worker.process.returncode is None
    names = {each["name"] for each in await all_consumers(cluster.log)}
    assert {f"run-noop-{priority}" for priority in Priority} <= names
    assert Counter(await started_in_order(cluster, "noop"))["normal"] == 10, "what had finished is not run again"


async def test_a_consumer_that_does_not_answer_yet_is_asked_for_again(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The copies of one that was just made choose a leader first."""
    tried: list[str] = []

    async def provision_at_the_third_time(log: Log, kind: str, concurrency: int | None) -> list[LaneConsumer]:
        tried.append(kind)
        if len(tried) < 3:
            raise LogUnavailable("JetStream did not answer CONSUMER.INFO.HEADRACE.run-noop-high within 2.5 s")
        return await provision_lanes(log, kind, concurrency)

    monkeypatch.setattr(lanes, "provision_lanes", provision_at_the_third_time)
    monkeypatch.setattr(lanes, "PROVISION_AGAIN_SECONDS", 0.01)
    runner = SimpleNamespace(kind=load_kinds("tests.unit.worker.kinds", ["noop"])["noop"], rate=None, executions=[])
    opened = lanes.Lanes(cluster.log, cast("Runner", runner), SLOTS, LowPriorityThrottle())
    await opened.open()
    assert tried == ["noop"] * 3
    assert {f"run-noop-{each}" for each in Priority} <= {each["name"] for each in await all_consumers(cluster.log)}
    monkeypatch.setattr(lanes, "PROVISION_SECONDS_MAX", 0.0)
    tried.clear()
    with pytest.raises(LogUnavailable, match="did not answer"):
        await lanes.Lanes(cluster.log, cast("Runner", runner), SLOTS, LowPriorityThrottle()).open()


@pytest.mark.invariant(3)
async def test_a_task_that_runs_when_its_consumer_is_made_anew_is_not_started_beside_itself(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster(HEADRACE_CONSUMERS="tests.kinds.plain")
    await cluster.start("worker")
    (task,) = await queue(cluster.log, "wait", given=b'{"name":"gate"}')
    await until(cluster.calls, "it to run")
    await cluster.log.jetstream.request("CONSUMER.DELETE.HEADRACE.run-wait-normal")

    async def handed_out() -> bool:
        lane = (await kind_consumers(cluster.log, "wait")).get("run-wait-normal", {})
        return lane.get("num_ack_pending") == 1

    await until(handed_out, "it to be handed out again")
    cluster.open_gate("gate")
    await cluster.all_finished([task])

    async def settled() -> bool:
        lane = (await kind_consumers(cluster.log, "wait"))["run-wait-normal"]
        return lane["num_ack_pending"] == lane["num_pending"] == 0

    await until(settled, "it to be found finished")
    assert len(cluster.calls()) == 1


@pytest.mark.invariant(1)
async def test_a_queued_event_that_cannot_be_read_does_not_hold_up_its_lane(cluster: Cluster) -> None:
    (worker,) = await cluster.start("worker")
    for payload in (b"nonsense", b"", b'{"event":"started","attempt":1,"worker":"w"}'):
        await cluster.log.appender.append("hr.tasks.queued.noop.normal.u.bad", payload, {})
    await cluster.all_finished(await queue(cluster.log, "noop", count=3))
    lines = worker.logged("a queued event cannot be read; it is dropped", level="error")
    assert [line["sequence"] for line in lines] == [1, 2, 3]

    async def none_left() -> bool:
        (lane,) = [each for each in await all_consumers(cluster.log) if each["name"] == "run-noop-normal"]
        return lane["num_ack_pending"] == lane["num_pending"] == 0

    await until(none_left, "everything to be acknowledged")
