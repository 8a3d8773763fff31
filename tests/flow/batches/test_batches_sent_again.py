"""A batch sent again under its key, while what could tell how far it is, or where it would be put, is not there."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import suppress
from typing import Any

import httpx
import pytest

from headrace.embedded.network import free_ports
from tests.accounts import SIGNED
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.batch_steps import all_once, counts, instant_of, knows, post, settled, submit
from tests.flow.problems import check_problem
from tests.waiting import until


@pytest.fixture
async def seeing(make_cluster: MakeCluster) -> Cluster:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await knows(cluster, "noop")
    return cluster


@pytest.fixture
async def blind(seeing: Cluster) -> AsyncGenerator[httpx.AsyncClient]:
    """An API of the same log that has lost Postgres, and knows its caller from before."""
    bind = f"127.0.0.1:{free_ports(1)[0]}"
    server, _, sockets = seeing.database_url.partition("?host=")
    way = seeing.place / "way-to-postgres"
    way.symlink_to(sockets)
    await seeing.spawn("api", HEADRACE_API_BIND=bind, HEADRACE_DATABASE_URL=f"{server}?host={way}")
    async with httpx.AsyncClient(base_url=f"http://{bind}", timeout=30, headers=SIGNED) as http:

        async def knows_a_kind() -> bool:
            with suppress(httpx.TransportError):
                return bool((await http.get("/api/v1/kinds")).json()["items"])
            return False

        await until(knows_a_kind, "an API")
        way.unlink()
        await seeing.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        assert (await http.get("/api/v1/batches")).status_code == 503
        yield http


INPUTS: list[Any] = [{}] * 5


async def again(http: httpx.AsyncClient) -> dict[str, Any]:
    body, headers = {"kind": "noop", "inputs": INPUTS}, {"Idempotency-Key": "known"}
    answer = await http.post("/api/v1/batches", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.invariant(4)
@pytest.mark.invariant(5)
async def test_a_batch_sent_again_is_answered_as_far_as_it_is_known(seeing: Cluster, blind: httpx.AsyncClient) -> None:
    cluster = seeing
    _, worker, projector, _ = cluster.members
    await projector.stop()
    accepted = await submit(cluster, "noop", INPUTS, key="known")
    await cluster.all_finished(all_once(accepted["id"], 5))
    (created,) = await cluster.events("hr.batches.created.>")
    begun = f"{cluster.log.epoch}-{created.sequence}"
    for http in (cluster.http, blind):  # the read model has nothing of it; and there is no read model
        found = await again(http)
        assert (found["id"], found["state"], counts(found), found["position"]) == (accepted["id"], "open", {}, begun)
        assert found["created_at"] == instant_of(created)

    (projector,) = await cluster.start("projector")
    whole = await settled(cluster, accepted["id"])
    assert (await again(cluster.http)).items() >= whole.items()
    found = await again(blind)
    (end,) = await cluster.events("hr.batches.settled.>")
    assert (found["state"], counts(found)) == ("settled", {"succeeded": 5})
    assert (found["settled_at"], found["position"]) == (instant_of(end), f"{cluster.log.epoch}-{end.sequence}")

    await worker.stop()
    await projector.stop()  # which is behind from now on
    assert (await cluster.http.post(f"/api/v1/tasks/{accepted['id']}-0/runs")).status_code == 202
    assert (await again(cluster.http)).items() >= whole.items()


@pytest.mark.invariant(4)
@pytest.mark.slow
async def test_a_complete_batch_is_found_again_although_the_log_is_full(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster(HEADRACE_STREAM_MAX_BYTES=str(2 << 20))
    _, worker, _ = await cluster.start("api", "worker", "projector")
    await knows(cluster, "noop", "echo")
    await worker.stop()
    inputs = [{}] * 500
    first = await submit(cluster, "noop", inputs, key="full")

    async def full() -> bool:
        text = "x" * 50_000
        answer = await cluster.http.post("/api/v1/tasks", json={"kind": "echo", "input": {"text": text}})
        return answer.status_code == 503 and answer.json()["error_code"] == "log_full"

    await until(full, "the log to be full")
    again = await post(cluster, "noop", inputs, key="full")
    assert (again.status_code, again.json()["id"], counts(again.json())) == (200, first["id"], {"queued": 500})
    check_problem(await post(cluster, "noop", inputs, key="another"), 503, "log_full")
