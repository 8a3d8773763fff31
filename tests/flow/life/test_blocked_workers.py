"""A handler that keeps a whole worker from its work is ended before its timeout, or the worker is, and the next one knows."""

from __future__ import annotations

import pytest

from headrace.embedded.network import free_ports
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.faults.with_constants import VARIABLE
from tests.member import Member

CONSTANTS = "headrace.worker.loop_watch.BLOCKED_SECONDS_MAX=1.2 headrace.worker.loop_watch.HOPELESS_SECONDS=0.5"


async def _start_worker(cluster: Cluster) -> Member:
    """A worker that loses patience early, and keeps the record that the one before it left."""
    worker = await cluster.spawn_module(
        "worker",
        "tests.faults.with_constants",
        **{
            VARIABLE: CONSTANTS,
            "HEADRACE_WORKER_OPS": f"127.0.0.1:{free_ports(1)[0]}",
            "HEADRACE_WORKER_RECORD": str(cluster.place / "worker-runs"),
        },
    )
    await cluster.until_ready(worker)
    return worker


@pytest.mark.invariant(1)
@pytest.mark.slow
async def test_a_handler_that_blocks_its_worker_is_ended_and_one_that_cannot_be_ended_is_not_tried_again(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster(HEADRACE_STREAM_ACK_WAIT="1")
    await cluster.start("api", "projector")
    worker = await _start_worker(cluster)
    await cluster.until_kinds_known()

    task = await cluster.submit("block_within_its_timeout")
    found = await cluster.outcome(task["id"])
    assert (found["state"], found["error"]["code"]) == ("failed", "timeout")
    assert "blocked the event loop of its worker" in found["error"]["message"]

    task = await cluster.submit("block_and_swallow")
    assert await worker.exited() != 0
    assert worker.logged("the handler cannot be interrupted; ending this process", kind="block_and_swallow")
    assert any("hostile.py" in line and "in _block" in line for line in worker.lines), "the stacks of its threads"
    await _start_worker(cluster)
    found = await cluster.outcome(task["id"])
    assert (found["state"], found["error"]["code"]) == ("failed", "timeout")
    assert "held up its whole worker" in found["error"]["message"]
    assert [each for each, _ in cluster.calls()].count(task["id"]) == 1
    assert (await cluster.outcome((await cluster.submit("echo", text="still here"))["id"]))["state"] == "succeeded"
