"""Queued tasks that never ran, of which their lane takes itself to be done: the sweep queues them again, and nothing else."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest

from headrace.contracts.events import Queued, decode
from headrace.lifecycle.cancel import cancel_task
from headrace.lifecycle.task_state import TaskState, read_task_state
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.consumers import delete_consumer, kind_consumers
from headrace.log.pauses import pause_kind
from headrace.projector import lost_deliveries
from headrace.projector.metrics import DELIVERY_LOST, ProjectorMetrics
from headrace.projector.sweep import Sweep
from headrace.store.leadership import LeaderSession
from tests.cluster import Cluster
from tests.unit.lifecycle.steps import start, succeed
from tests.waiting import until

LANE = "run-echo-normal"


class Sweeping:
    """Sweeps that have time to search in each, and count what they queue again."""

    def __init__(self, log: Log, session: LeaderSession) -> None:
        self.log = log
        self.metrics = ProjectorMetrics()
        self._session = session
        self._sweep = Sweep(log, self.metrics)

    @property
    def requeued(self) -> int:
        """How many tasks were queued again because their delivery was lost."""
        return int(dict(self.metrics.requeued.items())[DELIVERY_LOST,])

    async def sweep(self, times: int) -> None:
        for _ in range(times):
            await self._sweep.sweep(self._session)


@pytest.fixture
async def sweeping(cluster_without_worker: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[Sweeping]:
    for constant in ("INTERVAL_SECONDS", "QUEUED_SECONDS"):
        monkeypatch.setattr(lost_deliveries, constant, 0.0)
    session = await LeaderSession.connect(cluster_without_worker.database_url)
    yield Sweeping(cluster_without_worker.log, session)
    session.close()


async def submit(cluster: Cluster, **fields: Any) -> str:
    answer = await cluster.http.post("/api/v1/tasks", json={"kind": "echo", "input": {"text": "x"}, **fields})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


async def let_go(log: Log, count: int, durable: str = LANE) -> None:
    """Have a lane deliver tasks to nobody who runs them, and take them for done."""
    pulling = await log._connection.jetstream().pull_subscribe_bind(durable=durable, stream=subjects.STREAM)
    for message in await pulling.fetch(count):
        await message.ack_sync()
    await pulling.unsubscribe()


async def queued_of(cluster: Cluster, task: str) -> list[Queued]:
    found = [decode(each.payload) for each in await cluster.events(subjects.task_events(task=task, event="queued"))]
    return [event for event in found if isinstance(event, Queued)]


async def are_queued(cluster: Cluster, count: int) -> bool:
    return [row["state"] for row in await cluster.rows("SELECT state FROM tasks")] == ["queued"] * count


async def state_of(log: Log, task: str) -> TaskState:
    state = await read_task_state(log, "local", task)
    assert state is not None
    return state


@pytest.mark.invariant(1)
async def test_a_task_that_its_lane_has_let_go_of_is_queued_again_once_and_runs_once(
    cluster_without_worker: Cluster, sweeping: Sweeping
) -> None:
    cluster = cluster_without_worker
    lost = await submit(cluster, max_attempts=4)
    of_batch = await cluster.http.post(
        "/api/v1/batches", json={"kind": "echo", "priority": "normal", "inputs": [{"text": "y"}]}
    )
    assert of_batch.status_code == 202, of_batch.text
    await let_go(cluster.log, 2)
    waiting = await submit(cluster)
    await until(lambda: are_queued(cluster, 3), "the rows")
    await sweeping.sweep(1)
    assert sweeping.requeued == 0, "a worker may just be about to start it"
    await sweeping.sweep(1)
    assert sweeping.requeued == 2
    first, again = await queued_of(cluster, lost)
    assert again == first
    await until(lambda: are_queued(cluster, 3), "the rows")
    await sweeping.sweep(3)
    assert (len(await queued_of(cluster, lost)), len(await queued_of(cluster, waiting))) == (2, 1)

    await cluster.start("worker")
    for task in (lost, waiting):
        assert (await cluster.outcome(task))["state"] == "succeeded"
    batch = of_batch.json()["id"]

    async def settled() -> bool:
        found = (await cluster.http.get(f"/api/v1/batches/{batch}")).json()
        return found["state"] == "settled" and found["counts"]["succeeded"] == 1

    await until(settled, "the batch to be settled")
    called = [task for task, _ in cluster.calls()]
    assert len(called) == len(set(called)) == 3


@pytest.mark.invariant(2)
async def test_a_task_that_was_queued_again_runs_once_although_a_new_lane_delivers_the_first_record_as_well(
    cluster_without_worker: Cluster, sweeping: Sweeping
) -> None:
    cluster, log = cluster_without_worker, cluster_without_worker.log
    task = await submit(cluster)
    await let_go(log, 1)
    await until(lambda: are_queued(cluster, 1), "the row")
    await sweeping.sweep(2)
    assert len(await queued_of(cluster, task)) == 2
    await delete_consumer(log, LANE)
    await cluster.start("worker")
    assert (await cluster.outcome(task))["state"] == "succeeded"

    async def is_empty() -> bool:
        lane = (await kind_consumers(log, "echo"))[LANE]
        return lane["delivered"]["consumer_seq"] == 2 and not lane["num_ack_pending"] and not lane["num_pending"]

    await until(is_empty, "both records to be acknowledged")
    assert [called for called, _ in cluster.calls()] == [task]


@pytest.mark.invariant(2)
async def test_what_the_log_knows_to_have_gone_on_is_left_alone_however_old_the_read_model_is(
    cluster_without_worker: Cluster, sweeping: Sweeping
) -> None:
    cluster, log = cluster_without_worker, cluster_without_worker.log
    running, ended, cancelled = [await submit(cluster) for _ in range(3)]
    await let_go(log, 3)
    await until(lambda: are_queued(cluster, 3), "the rows")
    await cluster.members[-1].stop()
    await start(log, (await state_of(log, running)).subject)
    await start(log, (await state_of(log, ended)).subject)
    await succeed(log, (await state_of(log, ended)).subject)
    await cancel_task(log, "local", cancelled)
    before = await log.refresh()
    await sweeping.sweep(3)
    assert sweeping.requeued == 0
    assert (await log.refresh()).last_sequence == before.last_sequence
    assert await are_queued(cluster, 3), "the read model has to be old here"


@pytest.mark.invariant(2)
async def test_two_projectors_queue_a_lost_task_once(cluster_without_worker: Cluster, sweeping: Sweeping) -> None:
    """One of them was held up after it had searched."""
    cluster, log = cluster_without_worker, cluster_without_worker.log
    task = await submit(cluster)
    await let_go(log, 1)
    await until(lambda: are_queued(cluster, 1), "the row")
    await cluster.members[-1].stop()
    await sweeping.sweep(2)
    await sweeping.sweep(2)
    assert len(await queued_of(cluster, task)) == 2


async def test_a_lost_task_of_a_paused_kind_is_queued_again_when_the_kind_is_resumed(
    cluster_without_worker: Cluster, sweeping: Sweeping
) -> None:
    cluster, log = cluster_without_worker, cluster_without_worker.log
    task = await submit(cluster)
    await let_go(log, 1)
    await pause_kind(log, "echo", paused=True)
    await until(lambda: are_queued(cluster, 1), "the row")
    await sweeping.sweep(3)
    assert len(await queued_of(cluster, task)) == 1
    await pause_kind(log, "echo", paused=False)
    await sweeping.sweep(2)
    assert len(await queued_of(cluster, task)) == 2


async def test_a_task_that_is_run_again_is_saved_under_the_fence_of_its_new_run(
    cluster_without_worker: Cluster, sweeping: Sweeping
) -> None:
    cluster, log = cluster_without_worker, cluster_without_worker.log
    task = await submit(cluster)
    await let_go(log, 1)
    end = await succeed(log, (await state_of(log, task)).subject)
    await cluster.outcome(task)
    assert (await cluster.http.post(f"/api/v1/tasks/{task}/runs")).status_code == 202
    await let_go(log, 1)
    await until(lambda: are_queued(cluster, 1), "the row")
    await sweeping.sweep(2)
    assert [event.fence for event in await queued_of(cluster, task)] == [0, end.sequence, end.sequence]
