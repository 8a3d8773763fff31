"""Handlers that reach for their worker: it goes on, or ends at once with a line that says why, so that it is replaced."""

from __future__ import annotations

import os
import signal

import pytest

from headrace.embedded.network import free_ports
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.life_steps import called
from tests.member import Member


def _worker(cluster: Cluster) -> Member:
    return next(member for member in cluster.members if member.name == "worker")


@pytest.mark.invariant(1)
@pytest.mark.parametrize(
    ("how", "state", "words"),
    [
        ("gather", "failed", "SystemExit: 3"),
        ("group", "failed", "SystemExit: 3"),
        ("interrupt", "failed", "KeyboardInterrupt"),
        ("close", "failed", "RuntimeError: Cannot close a running event loop"),
        ("forgotten", "succeeded", None),
        ("callback", "succeeded", None),
        ("stop", "succeeded", None),
    ],
)
async def test_what_a_handler_started_cannot_end_the_event_loop(
    cluster: Cluster, how: str, state: str, words: str | None
) -> None:
    beside = await cluster.submit("wait", name=f"gate-{how}")
    await called(cluster, beside["id"])
    task = await cluster.submit("end_the_loop", how=how)
    found = await cluster.outcome(task["id"])
    assert found["state"] == state
    if words is not None:
        assert (found["error"]["code"], found["error"]["message"]) == ("raised", words)
    assert [each for each, _ in cluster.calls()].count(task["id"]) == 1

    cluster.open_gate(f"gate-{how}")
    assert (await cluster.outcome(beside["id"]))["result"] == "opened"
    assert [pid for each, pid in cluster.calls() if each == beside["id"]] == [_worker(cluster).pid]


@pytest.mark.parametrize("kind", ["use_a_pool", "fork_and_return", "fork_and_go_on"])
async def test_a_handler_that_forks_is_run_once_and_its_worker_goes_on(cluster: Cluster, kind: str) -> None:
    worker = _worker(cluster)
    task = await cluster.submit(kind)
    assert (await cluster.outcome(task["id"]))["state"] == "succeeded"
    assert (await cluster.finishes())[task["id"]] == 1
    assert (await cluster.outcome((await cluster.submit("echo", text="still here"))["id"]))["state"] == "succeeded"
    assert cluster.calls()[-1][1] == worker.pid
    assert worker.logged("draining") == []


async def test_a_forked_child_has_no_socket_and_no_signal_handler_of_its_worker_and_may_outlive_it(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    (address,) = (f"127.0.0.1:{port}" for port in free_ports(1))
    await cluster.start("api", "projector")
    worker = await cluster.spawn("worker", HEADRACE_WORKER_OPS=address)
    await cluster.until_ready(worker)
    await cluster.until_kinds_known()
    found = await cluster.outcome((await cluster.submit("fork_a_child_that_stays"))["id"])
    child = found["result"]
    try:
        assert child["term"]
        assert child["sockets_before"] > child["sockets"] == 0
        await worker.kill()
        await cluster.spawn("worker", HEADRACE_WORKER_OPS=address)
        await cluster.members[-1].until_logged("running")
    finally:
        os.kill(child["pid"], signal.SIGKILL)


@pytest.mark.slow
@pytest.mark.invariant(1)
async def test_a_worker_whose_tasks_were_all_cancelled_ends_at_once_and_says_why(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster(HEADRACE_STREAM_ACK_WAIT="1")
    _, worker, _ = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    # Neither a thread that hangs nor a task that ignores its cancellation may keep it.
    await cluster.outcome((await cluster.submit("leave_a_thread"))["id"])
    await cluster.outcome((await cluster.submit("hang_on"))["id"])
    task = await cluster.submit("cancel_everything")
    await called(cluster, task["id"])
    assert await worker.exited() == 1
    assert worker.logged(
        "a handler cancelled every task of the event loop; ending this process so that it is started anew"
    )


@pytest.mark.slow
async def test_a_worker_that_is_told_to_stop_leaves_behind_a_thread_that_does_not_end(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    _, worker, _ = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    await cluster.outcome((await cluster.submit("leave_a_thread"))["id"])
    assert await worker.stop() == 0
    (said,) = worker.logged("leaving threads behind that do not end")
    assert "left behind" in said["threads"]


async def test_a_worker_whose_handler_has_closed_standard_error_goes_on_and_can_be_stopped(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "projector")
    worker = await cluster.spawn("worker")
    await cluster.until_ready(worker)
    await cluster.until_kinds_known()
    assert (await cluster.outcome((await cluster.submit("close_standard_error"))["id"]))["error"]["code"] == "raised"
    assert (await cluster.outcome((await cluster.submit("echo", text="still here"))["id"]))["state"] == "succeeded"
    worker.process.send_signal(signal.SIGTERM)
    assert await worker.exited() == 0
