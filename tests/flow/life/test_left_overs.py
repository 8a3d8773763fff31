"""Handlers that nothing can stop: their slots go to the next tasks, and a worker with too many of them is replaced."""

from __future__ import annotations

import errno
import os

import pytest

from headrace.embedded.network import free_ports
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.faults.with_constants import VARIABLE
from tests.member import Member
from tests.waiting import until

CONSTANTS = "headrace.worker.left_overs.LEFT_OVERS_MAX=4 headrace.worker.lanes.STUBBORN_SECONDS=0.5"


async def _start_worker(cluster: Cluster) -> tuple[Member, str]:
    """A worker with three threads and slots for each kind that is replaced after four left-overs, and its address."""
    address = f"127.0.0.1:{free_ports(1)[0]}"
    given = {VARIABLE: CONSTANTS, "HEADRACE_WORKER_OPS": address}
    worker = await cluster.spawn_module("worker", "tests.faults.with_constants", **given)
    await cluster.until_ready(worker)
    return worker, f"http://{address}/health/ready"


@pytest.mark.slow
async def test_a_worker_whose_handlers_leave_files_open_is_replaced_before_it_can_do_nothing_more(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "projector")
    given = {VARIABLE: "headrace.worker.descriptors.CHECK_SECONDS=0.2"}
    worker = await cluster.spawn_module("worker", "tests.faults.with_constants", **given)
    await cluster.until_ready(worker)
    await cluster.until_kinds_known()
    found = await cluster.outcome((await cluster.submit("leave_files_open"))["id"])
    assert found["result"] == os.strerror(errno.EMFILE)
    assert await worker.exited() == 1
    (said,) = worker.logged("cannot go on")
    assert said["error"].startswith("handlers have left")


@pytest.mark.slow
async def test_a_call_that_hangs_in_a_thread_of_the_event_loop_is_left_over_too(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "projector")
    worker, _ = await _start_worker(cluster)
    await cluster.until_kinds_known()
    hanging = [await cluster.submit("hang_in_c_beside_the_loop") for _ in range(4)]
    for each in hanging:
        assert (await cluster.outcome(each["id"]))["error"]["code"] == "timeout"
    assert await worker.exited() == 1
    (said,) = worker.logged("cannot go on")
    assert said["error"].startswith("4 handlers go on although their tasks have ended")


@pytest.mark.slow
@pytest.mark.invariant(1)
async def test_handlers_that_hang_do_not_use_up_their_kind_and_a_worker_with_too_many_of_them_is_replaced(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster(HEADRACE_WORKER_THREADS="3", HEADRACE_WORKER_SLOTS="3")
    await cluster.start("api", "projector")
    worker, health = await _start_worker(cluster)
    await cluster.until_kinds_known()

    # As many as the kind has slots, in a thread that hangs in a C call, and on the loop, ignoring its cancellation.
    for kind in ("hang_in_c", "hang_in_c", "hang_on"):
        found = await cluster.outcome((await cluster.submit(kind))["id"])
        assert (found["state"], found["error"]["code"]) == ("failed", "timeout")

    async def counted() -> bool:
        answer = await cluster.http.get(health)
        return answer.status_code == 200 and answer.json()["checks"]["left_over"] == "ok; 3 of at most 4"

    await until(counted, "health to say how many are left over")
    beside = await cluster.submit("wait", name="gate")
    assert (await cluster.outcome((await cluster.submit("hang_in_c"))["id"]))["error"]["code"] == "timeout"
    await worker.until_logged("draining")
    cluster.open_gate("gate")
    assert await worker.exited() == 1
    (said,) = worker.logged("cannot go on")
    assert "handlers go on although their tasks have ended; this worker is to be started anew" in said["error"]
    assert (await cluster.outcome(beside["id"]))["state"] == "succeeded"

    # A limit of concurrency counts what is left over, so that the worker is replaced with the kind's last slot.
    worker, _ = await _start_worker(cluster)
    for _ in range(2):
        assert (await cluster.outcome((await cluster.submit("hang_two_at_a_time"))["id"]))["error"]["code"] == "timeout"
    assert await worker.exited() == 1
    (said,) = worker.logged("cannot go on")
    assert "every slot of kind hang_two_at_a_time is taken" in said["error"]
