from __future__ import annotations

from http import HTTPStatus
from typing import Any

from tests.cluster import ONLY_FLAKY, Cluster
from tests.conftest import MakeCluster
from tests.waiting import until

PUT_OFF = {"steps": ["retry", "ok"], "after": 0.6}  # longer than the broker needs to hold a timer


async def test_a_worker_that_may_run_one_kind_does_all_its_work_and_goes_on_when_nats_has_restarted(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "projector")
    worker = await cluster.spawn("worker", "flaky", HEADRACE_NATS_USER=ONLY_FLAKY)
    await cluster.until_ready(worker)
    await cluster.until_kinds_known()
    before = await cluster.submit("flaky", **PUT_OFF)
    assert (await cluster.outcome(before["id"]))["result"] == 2
    await cluster.nats.kill()
    await cluster.nats.start()
    await worker.until_logged("reconnected to NATS")
    # The log is compared with the read model before the API appends again.
    after = await until(lambda: _accepted(cluster), "the API to accept tasks again")
    assert (await cluster.outcome(after["id"]))["result"] == 2


async def _accepted(cluster: Cluster) -> dict[str, Any] | None:
    answer = await cluster.http.post("/api/v1/tasks", json={"kind": "flaky", "input": PUT_OFF})
    return answer.json() if answer.status_code == HTTPStatus.ACCEPTED else None


async def test_a_worker_that_wants_more_kinds_than_it_may_run_says_which_subject_it_may_not_use(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    worker = await cluster.spawn("worker", "echo", HEADRACE_NATS_USER=ONLY_FLAKY)
    said = "NATS does not permit the user 'worker-flaky' to publish to $KV.HEADRACE_KINDS.echo"
    await until(lambda: any(said in line for line in worker.lines), said)
    await worker.kill()
    cluster.members.remove(worker)
