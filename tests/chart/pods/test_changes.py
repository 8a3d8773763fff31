"""The rendered chart while it changes: scaled by its backlog, upgraded under load, and rolled back."""

from __future__ import annotations

import pytest

from tests.chart.pods.installation import API, WORKER, Installation
from tests.chart.pods.load import Follower, Load
from tests.waiting import until

pytestmark = pytest.mark.slow

SCALING = {
    "enabled": True,
    "minReplicas": 0,
    "maxReplicas": 3,
    "tasksPerReplica": 2,
    "pollingSeconds": 1,
    "cooldownSeconds": 2,
    "behavior": {"scaleDown": {"stabilizationWindowSeconds": 1}},
}


async def test_workers_follow_the_backlog_down_to_none_and_up_again(installation: Installation) -> None:
    await installation.install(workers={"default": {"kinds": ["wait", "echo"], "autoscaling": SCALING}})
    node, http = installation.node, installation.http()
    workers = node.deployments[WORKER]

    async def submit(kind: str, **given: str) -> str:
        answer = await http.post("/api/v1/tasks", json={"kind": kind, "input": given})
        assert answer.status_code == 202, answer.text
        return answer.json()["id"]

    async with installation.log() as cluster:
        await node.until(lambda: len(workers.pods) == 0, "no worker to be left")
        tasks = [await submit("wait", name="gate") for _ in range(6)]
        await node.until(lambda: workers.replicas == 3 and workers.is_done, "three workers")
        await until(lambda: {task for task, _ in cluster.calls()} == set(tasks), "all tasks to run")
        cluster.open_gate("gate")
        await cluster.all_finished(tasks)
        await node.until(lambda: len(workers.pods) == 0, "no worker to be left")
        last = await submit("echo", text="a")
        await cluster.all_finished([last])
        assert node.scaled[WORKER].seen[-1] is not None


async def test_an_upgrade_and_a_rollback_under_load_lose_nothing(installation: Installation) -> None:
    await installation.install()
    node, http = installation.node, installation.http()
    before = [*node.pods]
    load, follower = Load(http), Follower(http)
    async with load.running(), follower.running():
        await installation.upgrade(settings={"LOG_LEVEL": "debug"})
        assert [pod.describe() for pod in before if not pod.has_ended] == []
        upgraded = [pod for each in node.deployments.values() for pod in each.pods]
        await load.more(10)
        await installation.release.rollback()
        await node.rolled_out()
        assert [pod.describe() for pod in upgraded if not pod.has_ended] == []
        await load.more(10)
    assert load.answers.keys() <= {202, 503}, load.refused
    async with installation.log() as cluster:
        await cluster.all_finished(load.accepted)
    assert [(pod.name, each.exit_code, each.was_killed) for pod in [*before, *upgraded] for each in pod.containers] == [
        (pod.name, 0, False) for pod in [*before, *upgraded]
    ]
    assert API in node.deployments
