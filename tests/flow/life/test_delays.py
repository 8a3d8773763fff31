"""Tasks that are due later, or not worth starting after a while."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import pytest

from headrace.contracts.events import Finished, Queued
from headrace.log.deliveries import Delivery
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.life_steps import accepted, calls, cancel, history, instant, names, now, read, timers
from tests.sse import follow
from tests.waiting import until


async def started_late(cluster: Cluster, task: dict[str, Any]) -> timedelta:
    """How long after it was due a task was started."""
    (start,) = [each for each in await history(cluster, task["id"]) if each.name == "started"]
    return start.at - instant(task["due_at"])


@pytest.mark.parametrize("said", ["delay", "run_at"])
async def test_a_task_waits_until_it_is_due_and_is_seen_to_wait(cluster: Cluster, said: str) -> None:
    before = now()
    when = {"delay": 1.0} if said == "delay" else {"run_at": (before + timedelta(seconds=1)).isoformat()}
    task = await accepted(cluster, "echo", input={"text": "later"}, **when)
    assert task["state"] == "pending"
    assert timedelta(0) <= instant(task["due_at"]) - before - timedelta(seconds=1) < timedelta(seconds=0.5)
    found = await read(cluster, task["id"], at_least=task["position"])
    assert (found["state"], found["due_at"], found["started_at"]) == ("pending", task["due_at"], None)
    assert found["input"] == {"text": "later"}

    async with follow(cluster.http, f"/api/v1/tasks/{task['id']}/events") as stream:
        seen = await stream.rest()
    assert [each.event for each in seen] == ["deferred", "queued", "started", "finished"]
    assert instant(seen[0].data["due_at"]) == instant(task["due_at"])
    assert all("input" not in each.data for each in seen)
    done = await cluster.outcome(task["id"])
    assert (done["result"]["text"], done["attempt"], done["due_at"]) == ("later", 1, None)
    assert (done["created_at"], calls(cluster, task["id"])) == (found["created_at"], 1)


@pytest.mark.parametrize("delay", [0.001, 0.05, 0.29, 0.31, 0.7])
async def test_no_delayed_task_starts_before_it_is_due(cluster: Cluster, delay: float) -> None:
    tasks = [await accepted(cluster, "noop", delay=delay) for _ in range(5)]
    await cluster.all_finished([task["id"] for task in tasks])
    assert min([await started_late(cluster, task) for task in tasks]) >= timedelta(0)


async def test_a_delay_of_zero_is_due_now(cluster: Cluster) -> None:
    for when in ({"delay": 0}, {"run_at": (now() - timedelta(seconds=5)).isoformat()}):
        task = await accepted(cluster, "noop", **when)
        assert (task["state"], task["due_at"]) == ("queued", None)
        await cluster.outcome(task["id"])
        assert await names(cluster, task["id"]) == ["queued", "started", "finished"]


async def test_a_run_at_in_another_time_zone_is_the_same_instant(cluster: Cluster) -> None:
    at = (now() + timedelta(seconds=600)).replace(microsecond=0)
    elsewhere = at.astimezone(datetime.fromisoformat("2030-01-01T00:00:00+05:30").tzinfo).isoformat()
    task = await accepted(cluster, "noop", run_at=elsewhere)
    assert instant(task["due_at"]) == at
    assert (await cancel(cluster, task["id"])).status_code == 200


async def test_of_a_hundred_tasks_due_at_around_the_same_time_none_starts_before(cluster: Cluster) -> None:
    begin = now() + timedelta(seconds=4)
    moments = [begin + timedelta(milliseconds=number % 20) for number in range(100)]
    tasks = await asyncio.gather(*(accepted(cluster, "noop", run_at=moment.isoformat()) for moment in moments))
    await cluster.all_finished([task["id"] for task in tasks])
    # What a busy machine accepts after it was due does not wait.
    waited = [task for task in tasks if task["due_at"] is not None]
    assert min([await started_late(cluster, task) for task in waited]) >= timedelta(0)


@pytest.mark.invariant(1)
@pytest.mark.slow
async def test_a_delay_survives_a_crash_of_nats_and_of_the_worker(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    _, worker, _ = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    far = await accepted(cluster, "echo", input={"text": "far"}, delay=5)
    near = await accepted(
        cluster, "echo", input={"text": "near"}, delay=0.25
    )  # a worker may have been given it already
    await worker.kill()
    await cluster.nats.kill()
    await cluster.nats.start()
    await cluster.start("worker")
    for task in (near, far):
        assert (await cluster.outcome(task["id"]))["state"] == "succeeded"
        assert await started_late(cluster, task) >= timedelta(0)
        assert calls(cluster, task["id"]) == 1
    assert await timers(cluster, far["id"]) == 0


@pytest.mark.invariant(1)
@pytest.mark.slow
async def test_a_task_that_expired_before_a_worker_came_is_not_started(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("api")
    (announcing,) = await cluster.start("worker")
    await cluster.until_kinds_known()
    await announcing.stop()
    expiring = await accepted(cluster, "echo", input={"text": "too late"}, expires_in=0.3)
    delayed = await accepted(cluster, "echo", input={"text": "too late"}, delay=0.4, expires_in=0.5)
    lasting = await accepted(cluster, "echo", input={"text": "in time"}, expires_in=600)
    last = max(instant(task["expires_at"]) for task in (expiring, delayed))
    assert timedelta(seconds=599) < instant(lasting["expires_at"]) - now() <= timedelta(seconds=600)

    async def queued() -> bool:
        return len([each for each in await history(cluster, delayed["id"]) if isinstance(each.event, Queued)]) == 1

    await until(queued, "the delayed one to be queued")
    await until(lambda: now() > last, "both to have expired")
    await cluster.start("worker")
    await cluster.all_finished([expiring["id"], delayed["id"], lasting["id"]])
    await cluster.start("projector")
    for task in (expiring, delayed):
        found = await cluster.outcome(task["id"])
        assert (found["state"], found["error"]["code"], found["started_at"]) == ("failed", "expired", None)
        assert calls(cluster, task["id"]) == 0
    found = await cluster.outcome(lasting["id"])
    assert (found["state"], found["expires_at"]) == ("succeeded", None)


@pytest.mark.invariant(1)
@pytest.mark.slow
async def test_a_task_that_a_worker_gave_back_unstarted_expires_all_the_same(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    _, worker = await cluster.start("api", "worker")
    await cluster.until_kinds_known()
    await worker.stop()
    task = await accepted(cluster, "echo", input={"text": "too late"}, expires_in=1.0)
    given: list[Delivery] = []  # to a worker that is told to stop
    stopping = cluster.log.puller("run-echo-normal", given.append, lambda _: None)
    await stopping.open()
    await stopping.pull(1)
    await until(lambda: given, "the task to be delivered")
    await given[0].nak()
    await stopping.close()
    await until(lambda: now() > instant(task["expires_at"]), "it to have expired")
    await cluster.start("worker")
    await cluster.all_finished([task["id"]])
    end = (await history(cluster, task["id"]))[-1].event
    assert isinstance(end, Finished)
    assert end.error is not None
    assert (end.error.code, calls(cluster, task["id"])) == ("expired", 0)


async def test_a_task_that_was_started_in_time_may_take_as_long_as_it_takes(cluster: Cluster) -> None:
    task = await accepted(cluster, "flaky", input={"steps": ["retry", "ok"], "after": 0.5}, expires_in=0.4)
    found = await cluster.outcome(task["id"])
    assert (found["state"], found["result"]) == ("succeeded", 2)


async def test_a_task_whose_events_have_left_the_log_can_be_waited_for(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    old = await accepted(cluster, "noop", delay=3600)
    new = await accepted(cluster, "noop", delay=3600)
    await read(cluster, new["id"], at_least=new["position"])
    last = (await cluster.log.refresh()).last_sequence
    await cluster.log.jetstream.request("STREAM.PURGE.HEADRACE", {"seq": last})
    assert (await cluster.http.get("/health/ready")).status_code == 200, "the API knows the extent of the log again"
    answer = await cluster.http.get(f"/api/v1/tasks/{old['id']}", params={"wait": 0.1})
    assert answer.json()["state"] == "pending"
