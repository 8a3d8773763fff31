"""The rendered chart, run as a cluster would run it: from its installation to its end."""

from __future__ import annotations

import signal

import httpx
import pytest

from tests.chart.pods.installation import API, PROJECTOR, WORKER, Installation
from tests.chart.pods.load import Follower, Load
from tests.waiting import until

pytestmark = pytest.mark.slow


async def test_an_installed_release_is_ready_passes_its_own_tests_and_ends_in_time(installation: Installation) -> None:
    await installation.install()
    node = installation.node
    assert {name: len(each.pods) for name, each in node.deployments.items()} == {API: 2, PROJECTOR: 2, WORKER: 1}
    said = await installation.release.test()
    assert '  "text": "a",' in said["headrace-test-submit"], said
    pods = [pod for each in node.deployments.values() for pod in each.pods]
    assert [pod.restarts for pod in pods] == [0] * 5

    await installation.release.uninstall()
    assert [pod.describe() for pod in pods if not pod.has_ended] == []
    assert [(each.exit_code, each.was_killed) for pod in pods for each in pod.containers] == [(0, False)] * 5


async def test_tasks_of_a_worker_that_was_killed_are_run_by_others(installation: Installation) -> None:
    await installation.install(workers={"default": {"replicas": 2}})
    http = installation.http()
    async with installation.log() as cluster:
        tasks = [await _submitted(http, "wait", name="gate") for _ in range(8)]
        worker = installation.node.deployments[WORKER].pods[0]
        pid = worker.containers[0].process.pid
        await installation.node.until(
            lambda: (
                {task for task, _ in cluster.calls()} == set(tasks) and pid in {each for _, each in cluster.calls()}
            ),
            "all tasks to run, some of them where it will be killed",
        )
        worker.containers[0].kill()
        await installation.node.until(lambda: worker.restarts == 1 and worker.is_ready, "the container to be back")
        cluster.open_gate("gate")
        await cluster.all_finished(tasks)


async def test_a_process_that_hangs_is_ended_and_started_anew(installation: Installation) -> None:
    live = {"live": {"periodSeconds": 1, "timeoutSeconds": 1, "failureThreshold": 2}}
    await installation.install(projector={"replicas": 1, "graceSeconds": 2, "probes": live})
    (projector,) = installation.node.deployments[PROJECTOR].pods
    (container,) = projector.containers
    container.process.send_signal(signal.SIGSTOP)
    await installation.node.until(lambda: projector.restarts == 1 and projector.is_ready, "the projector to be back")
    # It has not answered SIGTERM either.
    assert container.was_killed


async def test_an_api_is_drained_without_an_error_and_its_streams_go_on_elsewhere(installation: Installation) -> None:
    await installation.install()
    http = installation.http()
    load, follower = Load(http), Follower(http)
    apis = installation.node.deployments[API]
    async with follower.running(), installation.log() as cluster:
        async with load.running():
            # The stream is on one of the two; so both are drained, one after the other.
            for pod in [*apis.pods]:
                pod.begin_to_end()
                await pod.ended()
                await installation.node.rolled_out()
                await load.more(10)
        await cluster.all_finished(load.accepted)
        in_log = [each.sequence for each in await cluster.events()]
        await until(lambda: follower.sequences and follower.sequences[-1] >= in_log[-1], "the last event to be seen")
    assert follower.ends >= 1
    assert (load.answers.keys(), load.refused) == ({202}, [])
    assert follower.sequences == in_log


async def _submitted(http: httpx.AsyncClient, kind: str, **given: str) -> str:
    answer = await http.post("/api/v1/tasks", json={"kind": kind, "input": given})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]
