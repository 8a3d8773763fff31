"""Cancelling: final as soon as it is answered, whatever the task was doing and whatever a worker still does."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from headrace.contracts.events import Outcome
from tests.cluster import Cluster
from tests.flow.life_steps import (
    accepted,
    called,
    calls,
    cancel,
    instant,
    names,
    now,
    read,
    the_finish_of,
    timers,
)
from tests.flow.problems import check_problem
from tests.sse import follow
from tests.waiting import until


async def test_a_pending_task_is_cancelled_and_its_timer_with_it(cluster: Cluster) -> None:
    task = await accepted(cluster, "echo", input={"text": "x"}, delay=0.8)
    answer = await cancel(cluster, task["id"])
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["due_at"]) == ("cancelled", None)
    assert await timers(cluster, task["id"]) == 0
    found = await read(cluster, task["id"], at_least=answer.json()["position"])
    assert (found["state"], found["started_at"], found["error"], found["result"]) == ("cancelled", None, None, None)
    assert found["position"] == answer.json()["position"]
    assert (await the_finish_of(cluster, task["id"])).by == "local"
    later = await accepted(cluster, "noop", run_at=(instant(task["due_at"]) + timedelta(seconds=0.3)).isoformat())
    await cluster.outcome(later["id"])
    assert await names(cluster, task["id"]) == ["deferred", "finished"]
    assert calls(cluster, task["id"]) == 0


async def test_a_queued_task_is_cancelled_and_no_worker_is_ever_given_it(cluster_without_worker: Cluster) -> None:
    cluster = cluster_without_worker
    task = await accepted(cluster, "echo", input={"text": "x"})
    other = await accepted(cluster, "echo", input={"text": "y"})
    before = await read(cluster, task["id"], at_least=task["position"])
    answer = await cancel(cluster, task["id"])
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert await names(cluster, task["id"]) == ["finished"]
    end = await the_finish_of(cluster, task["id"])
    assert end.withdrawn is not None
    assert f"-{end.withdrawn.sequence}" in task["position"]
    assert (end.withdrawn.queued.attempt, bytes(end.withdrawn.queued.input)) == (1, b'{"text":"x"}')

    after = await read(cluster, task["id"], at_least=answer.json()["position"])
    assert after["state"] == "cancelled"
    for same in ("created_at", "input", "priority", "max_attempts"):
        assert after[same] == before[same]
    shown = {name: value for name, value in after.items() if name not in ("input", "result")}
    assert answer.json() == shown, "the answer is the task as the read model has it a moment later"
    assert (await cancel(cluster, task["id"])).json() == shown

    await cluster.start("worker")
    assert (await cluster.outcome(other["id"]))["state"] == "succeeded"
    assert calls(cluster, task["id"]) == 0
    timeline = (await cluster.http.get(f"/api/v1/tasks/{task['id']}/timeline")).json()["items"]
    assert [entry["event"] for entry in timeline] == ["queued", "finished"]


@pytest.mark.parametrize(
    "kind",
    ["until_cancelled_async", "until_cancelled_in_thread", "until_cancelled_in_process", "swallows_cancellation"],
)
async def test_a_running_task_is_cancelled_and_its_handler_sees_it_and_cleans_up(cluster: Cluster, kind: str) -> None:
    task = await accepted(cluster, kind, input={"name": f"cleaned-{kind}"})
    async with follow(cluster.http, f"/api/v1/tasks/{task['id']}/events") as stream:
        await called(cluster, task["id"])
        answer = await cancel(cluster, task["id"])
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
        seen = await stream.rest()
    assert [each.event for each in seen] == ["queued", "started", "finished"]
    assert (seen[-1].data["outcome"], seen[-1].data["by"]) == ("cancelled", "local")
    await until((cluster.place / f"cleaned-{kind}").exists, "the handler to clean up", patience=3)
    found = await cluster.outcome(task["id"])
    assert (found["state"], found["result"]) == ("cancelled", None)
    assert found["started_at"] == answer.json()["started_at"] is not None
    assert (await the_finish_of(cluster, task["id"])).outcome is Outcome.CANCELLED


@pytest.mark.slow
async def test_a_handler_in_a_thread_that_ignores_its_cancellation_is_stopped_after_a_grace(cluster: Cluster) -> None:
    task = await accepted(cluster, "ignores_cancellation", input={"name": "stopped"})
    await called(cluster, task["id"])
    assert (await cancel(cluster, task["id"])).status_code == 200
    await until((cluster.place / "stopped").exists, "the thread to be stopped", patience=10)
    assert (await cluster.outcome(task["id"]))["state"] == "cancelled"


@pytest.mark.invariant(2)
async def test_cancelling_a_task_again_changes_nothing(cluster: Cluster) -> None:
    task = await accepted(cluster, "until_cancelled_async", input={"name": "again"})
    await called(cluster, task["id"])
    answers = await asyncio.gather(*(cancel(cluster, task["id"]) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    await cluster.outcome(task["id"])
    assert (await cancel(cluster, task["id"])).text == answers[0].text
    assert (await names(cluster, task["id"])).count("finished") == 1


@pytest.mark.invariant(2)
@pytest.mark.parametrize(("kind", "state"), [("noop", "succeeded"), ("fail", "failed")])
async def test_a_task_that_ended_otherwise_cannot_be_cancelled(cluster: Cluster, kind: str, state: str) -> None:
    task = await accepted(cluster, kind)
    await cluster.outcome(task["id"])
    problem = check_problem(await cancel(cluster, task["id"]), 409, "task_finished")
    assert state in problem["message"]
    assert (await read(cluster, task["id"]))["state"] == state


async def test_a_request_that_waits_for_a_task_is_answered_when_the_task_is_cancelled(cluster: Cluster) -> None:
    task = await accepted(cluster, "echo", input={"text": "x"}, delay=300)
    await read(cluster, task["id"], at_least=task["position"])
    waiting = asyncio.create_task(cluster.http.get(f"/api/v1/tasks/{task['id']}", params={"wait": 30}))
    await asyncio.sleep(0.05)  # whether it waits already or comes later, it must be told
    began = now()
    assert (await cancel(cluster, task["id"])).status_code == 200
    assert (await waiting).json()["state"] == "cancelled"
    assert now() - began < timedelta(seconds=5)
