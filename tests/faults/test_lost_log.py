"""The log is lost, or comes back shorter than it was: nothing that was projected is lost with it."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import pytest

from headrace.contracts.positions import Position
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.sse import follow
from tests.waiting import until, within

RESET_SECONDS = 30.0


async def submit(cluster: Cluster, kind: str, given: dict[str, Any], **fields: Any) -> dict[str, Any]:
    answer = await cluster.http.post("/api/v1/tasks", json={"kind": kind, "input": given, **fields})
    assert answer.status_code == 202, answer.text
    return answer.json()


async def projected(cluster: Cluster) -> None:
    """Wait until everything in the log is in the read model."""
    state = await cluster.log.refresh()
    answer = await cluster.http.get(
        "/api/v1/tasks", params={"at_least": str(Position(state.epoch, state.last_sequence))}
    )
    assert answer.status_code == 200, answer.text


async def accepts(cluster: Cluster) -> dict[str, Any]:
    """Wait until a submission is accepted again, as a client that retries does."""

    async def accepted() -> Any:
        answer = await cluster.http.post("/api/v1/tasks", json={"kind": "echo", "input": {"text": "new"}})
        assert answer.status_code in (202, 503), answer.text
        return answer.json() if answer.status_code == 202 else None

    return await until(accepted, "a submission to be accepted")


async def state_of(cluster: Cluster, task: str) -> str:
    return (await cluster.rows(f"SELECT state FROM tasks WHERE id = '{task}'"))[0]["state"]


@pytest.mark.slow
@pytest.mark.invariant(1)
async def test_a_lost_log_delays_tasks_and_loses_none(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    done = [(await submit(cluster, "echo", {"text": str(number)}))["id"] for number in range(20)]
    for task in done:
        await cluster.outcome(task)
    running = (await submit(cluster, "wait", {"name": "gate"}))["id"]
    await until(lambda: running in [task for task, _ in cluster.calls()], "the handler")
    later = (await submit(cluster, "echo", {"text": "later"}, delay=3.0))["id"]
    batch_priority = (await submit(cluster, "wait", {"name": "gate"}, priority="low"))["id"]
    await projected(cluster)
    calls = len(cluster.calls())

    async with follow(cluster.http, "/api/v1/events") as stream:
        assert not (await stream.next()).event
        await cluster.nats.stop()
        shutil.rmtree(cluster.place / "nats")
        await cluster.nats.start()
        new = await accepts(cluster)
        async with within(RESET_SECONDS, "the stream to be told that the log was lost"):
            while (reset := await stream.next()).event != "reset":
                pass  # what was due meanwhile
        assert "lost" in reset.data["reason"]

    cluster.open_gate("gate")
    for task in (running, later, batch_priority, new["id"]):
        found = await cluster.outcome(task)
        assert found["state"] == "succeeded"
    assert {task for task, _ in cluster.calls()[calls:]}.isdisjoint(done)
    assert {task: count for task, count in (await cluster.finishes()).items() if count != 1} == {}
    for task in done:
        assert await state_of(cluster, task) == "succeeded"


@pytest.mark.slow
@pytest.mark.invariant(1)
@pytest.mark.invariant(6)
async def test_a_log_that_comes_back_shorter_is_made_up_for(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    before = (await submit(cluster, "wait", {"name": "gate"}))["id"]  # queued before the copy, finished after it
    retried_later = (await submit(cluster, "echo", {"text": "later"}, delay=5.0))["id"]
    await until(lambda: before in [task for task, _ in cluster.calls()], "the handler")
    await projected(cluster)
    copy = cluster.place / "older"
    await cluster.nats.stop()
    shutil.copytree(cluster.place / "nats", copy)
    await cluster.nats.start()
    await accepts(cluster)

    cluster.open_gate("gate")
    await cluster.outcome(before)
    lost_done = [(await submit(cluster, "echo", {"text": str(number)}))["id"] for number in range(20)]
    for task in lost_done:
        await cluster.outcome(task)
    lost_running = (await submit(cluster, "wait", {"name": "other gate"}))["id"]
    lost_later = (await submit(cluster, "echo", {"text": "much later"}, delay=5.0))["id"]
    await until(lambda: lost_running in [task for task, _ in cluster.calls()], "the handler")
    await projected(cluster)
    last = (await cluster.log.refresh()).last_sequence
    calls = len(cluster.calls())

    async with follow(cluster.http, "/api/v1/events") as stream:
        await stream.next()
        await cluster.nats.stop()
        _put(copy, cluster.place / "nats")
        await cluster.nats.start()
        new = await accepts(cluster)
        assert Position.parse(new["position"]).sequence > last
        async with within(RESET_SECONDS, "the stream to be told that the log was lost"):
            while (await stream.next()).event != "reset":
                pass  # what was due meanwhile

    cluster.open_gate("other gate")
    for task in (lost_running, lost_later, retried_later, new["id"]):
        assert (await cluster.outcome(task))["state"] == "succeeded", task
    called = [task for task, _ in cluster.calls()[calls:]]
    assert set(called).isdisjoint([before, *lost_done])
    counts = await cluster.finishes()
    assert {task: counts[task] for task in (before, *lost_done, lost_running, lost_later, new["id"])} == dict.fromkeys(
        (before, *lost_done, lost_running, lost_later, new["id"]), 1
    )
    answer = await cluster.http.post(f"/api/v1/tasks/{before}/runs")  # its restored end is a fence like any other
    assert answer.status_code == 202, answer.text
    assert (await cluster.outcome(before))["state"] == "succeeded"
    await until(lambda: _finished_twice(cluster, before), "the second finish")


async def _finished_twice(cluster: Cluster, task: str) -> bool:
    return (await cluster.finishes())[task] == 2


def _put(copy: Path, place: Path) -> None:
    shutil.rmtree(place)
    shutil.copytree(copy, place)


@pytest.mark.invariant(6)
@pytest.mark.slow
async def test_positions_past_what_was_lost_stay_unique_when_everything_was_restarted(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    members = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    await cluster.outcome((await submit(cluster, "echo", {"text": "1"}))["id"])
    await projected(cluster)
    copy = cluster.place / "older"
    await cluster.nats.stop()
    shutil.copytree(cluster.place / "nats", copy)
    await cluster.nats.start()
    await accepts(cluster)
    tasks = [(await submit(cluster, "echo", {"text": str(number)}))["id"] for number in range(30)]
    for task in tasks:
        await cluster.outcome(task)
    await projected(cluster)
    last = (await cluster.log.refresh()).last_sequence
    await asyncio.gather(*(member.kill() for member in members))
    await cluster.nats.stop()
    _put(copy, cluster.place / "nats")
    await cluster.nats.start()
    calls = len(cluster.calls())
    await cluster.start("worker", "api", "projector")
    new = await accepts(cluster)
    assert Position.parse(new["position"]).sequence > last
    await cluster.outcome(new["id"])
    assert [task for task, _ in cluster.calls()[calls:]] == [new["id"]]
