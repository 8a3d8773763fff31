"""What the log keeps of a cancelled task, and what is still known of it when its events have left the log."""

from __future__ import annotations

import secrets
from typing import Any

import pytest

from headrace.log import subjects
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.life_steps import (
    accepted,
    called,
    cancel,
    names,
    read,
    tables,
    timers,
)
from tests.flow.problems import check_problem
from tests.purge import purge


@pytest.mark.invariant(7)
@pytest.mark.slow
async def test_a_replay_after_cancellations_gives_the_same_read_model(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    _, worker, projector = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    ran = await accepted(cluster, "flaky", input={"steps": ["retry", "ok"], "after": 0.01})
    stopped = await accepted(cluster, "until_cancelled_async", input={"name": "x"})
    await cluster.outcome(ran["id"])
    await called(cluster, stopped["id"])
    await cancel(cluster, stopped["id"])
    await worker.stop()
    headers = {"X-Correlation-Id": "click-7"}
    body: dict[str, Any] = {"kind": "noop", "input": {}, "priority": "high", "expires_in": 600}
    withdrawn = (await cluster.http.post("/api/v1/tasks", json=body, headers=headers)).json()
    waiting = await accepted(cluster, "noop", delay=600)
    dropped = await accepted(cluster, "noop", delay=600)
    for task in (withdrawn, dropped):
        await read(cluster, task["id"], at_least=task["position"])
        assert (await cancel(cluster, task["id"])).status_code == 200
    again = await cluster.http.post(f"/api/v1/tasks/{ran['id']}/runs")
    assert again.status_code == 202
    assert (await cancel(cluster, ran["id"])).status_code == 200  # withdrawn, in its second run
    before = await tables(cluster)
    assert {row["id"]: row["state"] for row in before[0]} == {
        **dict.fromkeys((ran["id"], stopped["id"], withdrawn["id"], dropped["id"]), "cancelled"),
        waiting["id"]: "pending",
    }
    await projector.stop()
    await cluster.rows("TRUNCATE tasks, task_events, projection")
    await cluster.start("projector")
    assert await tables(cluster) == before


@pytest.mark.invariant(2)
async def test_a_task_whose_events_have_left_the_log_is_cancelled_once_and_stays_what_it_was(
    make_cluster: MakeCluster,
) -> None:
    cluster, key = await make_cluster(), secrets.token_hex(8)
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    headers = {"X-Correlation-Id": "click-8", "Idempotency-Key": key}
    body: dict[str, Any] = {"kind": "noop", "input": {}, "delay": 600}
    task = (await cluster.http.post("/api/v1/tasks", json=body, headers=headers)).json()
    await read(cluster, task["id"], at_least=task["position"])
    (first,) = await cluster.events(subjects.task_events("local", task["id"]))
    await forget(cluster, task["id"])

    answer = await cancel(cluster, task["id"])
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    (end,) = await cluster.events(subjects.task_events("local", task["id"]))
    carried = [{name: each.headers.get(name) for name in subjects.CARRIED} for each in (first, end)]
    assert carried[0] == carried[1]
    assert carried[0][subjects.CORRELATION_ID] == "click-8"
    assert await timers(cluster, task["id"]) == 0
    found = await read(cluster, task["id"], at_least=answer.json()["position"])
    del found["input"], found["result"]

    await forget(cluster, task["id"])
    for _ in range(2):
        again = await cancel(cluster, task["id"])
        assert (again.status_code, again.json()) == (200, found)
    assert await names(cluster, task["id"]) == []


@pytest.mark.invariant(2)
async def test_a_task_that_ended_otherwise_before_its_events_left_the_log_is_not_cancelled(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    task = await accepted(cluster, "noop")
    await cluster.outcome(task["id"])
    await forget(cluster, task["id"])
    problem = check_problem(await cancel(cluster, task["id"]), 409, "task_finished")
    assert "succeeded since long" in problem["message"]
    assert problem["state"] == "succeeded"


async def forget(cluster: Cluster, task: str) -> None:
    """Take a task's events out of the log, as its retention does; its timer stays."""
    await purge(cluster.log, subjects.task_events("local", task))
