"""Processes that are killed, stopped and drained: every accepted task ends once."""

from __future__ import annotations

import asyncio
import signal
import time

import httpx
import pytest

from headrace.log.client import open_client
from headrace.log.subjects import STREAM
from headrace.worker.history import STARTS_MAX
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.proxy import proxy_to
from tests.sse import follow
from tests.waiting import until


async def started(cluster: Cluster, task: str, times: int = 1) -> None:
    await until(
        lambda: [called for called, _ in cluster.calls()].count(task) == times, f"{task} to be started {times} times"
    )


@pytest.mark.invariant(1)
@pytest.mark.invariant(3)
async def test_a_worker_killed_in_the_middle_of_a_task_costs_a_redelivery(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    _, worker, _ = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    task = await cluster.submit("wait", name="gate")
    await started(cluster, task["id"])
    await worker.kill()

    await cluster.start("worker")
    await started(cluster, task["id"], times=2)
    cluster.open_gate("gate")
    found = await cluster.outcome(task["id"])
    assert (found["state"], found["result"]) == ("succeeded", "opened")
    await cluster.all_finished([task["id"]])


@pytest.mark.invariant(2)
@pytest.mark.slow
async def test_a_worker_stopped_past_ack_wait_and_continued_cannot_finish_its_task(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    _, zombie, _ = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    task = await cluster.submit("wait", name="gate")
    await started(cluster, task["id"])
    zombie.signal(signal.SIGSTOP)

    await cluster.start("worker")  # takes over when the broker has waited long enough
    await started(cluster, task["id"], times=2)
    cluster.open_gate("gate")
    await cluster.all_finished([task["id"]])

    zombie.signal(signal.SIGCONT)  # goes on, opens the gate too, and comes second
    await zombie.until_logged(
        "came second: somebody else finished the run; this outcome is dropped", task_id=task["id"]
    )
    assert await cluster.finishes() == {task["id"]: 1}


@pytest.mark.invariant(3)
async def test_heartbeats_keep_a_task_that_runs_longer_than_ack_wait(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster(HEADRACE_STREAM_ACK_WAIT="1")
    await cluster.start("api", "worker", "worker", "projector")
    await cluster.until_kinds_known()
    tasks = [await cluster.submit("wait", name="gate") for _ in range(4)]
    blocked = await cluster.submit("block")  # also while a handler blocks the event loop for longer than that
    assert (await cluster.outcome(blocked["id"]))["error"]["code"] == "timeout"
    cluster.open_gate("gate")
    for task in tasks:
        assert (await cluster.outcome(task["id"]))["state"] == "succeeded"
    assert sorted(task for task, _ in cluster.calls()) == sorted(task["id"] for task in tasks)


@pytest.mark.invariant(3)
async def test_a_task_that_is_delivered_again_to_the_worker_that_runs_it_goes_on_and_is_not_run_twice(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    _, worker, _ = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    task = await cluster.submit("wait", name="gate")
    await started(cluster, task["id"])

    sequence = int(task["position"].partition("-")[2])
    for delivered in range(1, STARTS_MAX + 1):
        # As if no heartbeat had come for `ack_wait`: the broker is told to deliver the record again, at once.
        reply = f"$JS.ACK.{STREAM}.run-wait-normal.{delivered}.{sequence}.{delivered}.{time.time_ns()}.0"
        async with open_client(cluster.settings.nats, "test") as connection:
            await connection.publish(reply, b"-NAK")
        await worker.until_logged(
            "delivered again while it runs here; it goes on", task_id=task["id"], delivered=delivered + 1
        )
    cluster.open_gate("gate")
    assert (await cluster.outcome(task["id"]))["state"] == "succeeded"
    await started(cluster, task["id"], times=1)
    assert await cluster.finishes() == {task["id"]: 1}

    async def acknowledged() -> bool:
        info = await cluster.log.jetstream.request(f"CONSUMER.INFO.{STREAM}.run-wait-normal")
        return info["num_ack_pending"] == 0

    await until(acknowledged, "the last delivery to be acknowledged")


@pytest.mark.invariant(1)
async def test_a_worker_told_to_stop_lets_its_tasks_end(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    _, worker, _ = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    task = await cluster.submit("wait", name="gate")
    await started(cluster, task["id"])
    worker.signal(signal.SIGTERM)
    await worker.until_logged("waiting for running tasks")
    cluster.open_gate("gate")
    assert await worker.exited() == 0
    await cluster.all_finished([task["id"]])
    assert len(cluster.calls()) == 1


@pytest.mark.invariant(1)
@pytest.mark.slow
async def test_a_worker_whose_grace_is_over_gives_its_tasks_back_at_once(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster(HEADRACE_WORKER_GRACE="0.2", HEADRACE_STREAM_ACK_WAIT="60")
    _, worker, _ = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    task = await cluster.submit("wait", name="gate")
    await started(cluster, task["id"])
    await cluster.start("worker")
    assert await worker.stop() == 0
    await started(cluster, task["id"], times=2)  # long before the broker's minute is over
    cluster.open_gate("gate")
    await cluster.all_finished([task["id"]])


@pytest.mark.slow
@pytest.mark.invariant(7)
async def test_a_projector_killed_in_the_middle_of_a_page_leaves_the_read_model_right(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker")
    await cluster.until_kinds_known()
    tasks = [task["id"] for task in await asyncio.gather(*(cluster.submit("noop") for _ in range(600)))]
    await cluster.all_finished(tasks)
    lock = "SELECT count(*) AS sessions FROM pg_stat_activity WHERE application_name = 'headrace-projector' AND backend_xid IS NOT NULL"
    for _ in range(5):
        projector = await cluster.spawn("projector")
        await until(lambda: _writes_or_is_done(cluster, lock, len(tasks)), "the projector to be writing")
        await projector.kill()
    await cluster.start("projector")
    last = await cluster.log.refresh()
    answer = await cluster.http.get(
        "/api/v1/tasks", params={"at_least": f"{last.epoch}-{last.last_sequence}", "limit": 1}
    )
    assert answer.status_code == 200
    rows = await cluster.rows("SELECT id, state FROM tasks")
    assert {row["id"]: row["state"] for row in rows} == dict.fromkeys(tasks, "succeeded")
    events = await cluster.rows("SELECT event, count(*) AS number FROM task_events GROUP BY event")
    assert {row["event"]: row["number"] for row in events} == {"queued": 600, "started": 600, "finished": 600}


async def _writes_or_is_done(cluster: Cluster, writing: str, tasks: int) -> bool:
    if (await cluster.rows(writing))[0]["sessions"]:
        return True
    return (await cluster.rows("SELECT count(*) AS done FROM tasks WHERE state = 'succeeded'"))[0]["done"] == tasks


@pytest.mark.invariant(1)
async def test_an_api_killed_between_publish_and_answer_leaves_a_task_that_runs(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    async with proxy_to(int(cluster.nats.url.rpartition(":")[2])) as proxy:
        cluster.environ["HEADRACE_NATS_URL"] = proxy.url
        (api,) = await cluster.start("api")
        cluster.environ["HEADRACE_NATS_URL"] = cluster.nats.url
        await cluster.start("worker")
        await cluster.until_kinds_known()
        proxy.hold_answers()
        submitting = asyncio.create_task(cluster.http.post("/api/v1/tasks", json={"kind": "noop", "input": {}}))
        await proxy.passed(b"PUB hr.tasks.queued.")
        await api.kill()
        with pytest.raises(httpx.TransportError):
            await submitting
    await until(cluster.finishes, "the task to finish")
    assert list((await cluster.finishes()).values()) == [1]


async def test_an_api_told_to_stop_ends_its_streams_with_a_retry_time(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    (api,) = await cluster.start("api")
    async with cluster.http.stream("GET", "/api/v1/events") as response:
        lines = response.aiter_lines()
        assert (await anext(lines)).startswith("id: ")
        api.signal(signal.SIGTERM)
        rest = [line async for line in lines]
    (retry,) = [line for line in rest if line.startswith("retry: ")]
    assert 200 <= int(retry.removeprefix("retry: ")) <= 5000
    assert await api.exited() == 0


@pytest.mark.invariant(6)
async def test_followers_do_not_notice_a_restart_of_the_api(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    api, _ = await cluster.start("api", "worker")
    await cluster.until_kinds_known()
    task = await cluster.submit("wait", name="gate")
    async with follow(cluster.http, f"/api/v1/tasks/{task['id']}/events") as stream:
        seen = await stream.take(3)
        await api.kill()
        with pytest.raises(httpx.TransportError):
            await stream.rest()
    cluster.open_gate("gate")
    await cluster.all_finished([task["id"]])
    await cluster.start("api")
    async with follow(cluster.http, f"/api/v1/tasks/{task['id']}/events", after=seen[-1].id) as stream:
        seen += await stream.rest()
    assert [each.sequence for each in seen] == [record.sequence for record in await cluster.events()]
