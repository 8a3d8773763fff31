"""How the installation is, from real servers."""

from __future__ import annotations

from typing import Any

from tests.cluster import Cluster
from tests.screens import show
from tests.waiting import until


async def test_administrators_see_who_is_there_what_waits_and_what_happened(cluster: Cluster) -> None:
    owner = await cluster.make_user()
    done = (await cluster.http_as(owner.key).post("/api/v1/tasks", json={"kind": "noop", "input": {}})).json()
    await cluster.http.get(f"/api/v1/tasks/{done['id']}", params={"wait": 20, "owner": owner.id})
    shown: dict[str, Any] = {}

    async def all_are_there() -> bool:
        shown.update(await show(cluster.http, "admin/overview", at_least=done["position"]))
        roles = {each["role"] for each in shown["health"]["processes"]}
        return roles == {"api", "projector", "worker"} and shown["counts"]["succeeded"] > 0

    await until(all_are_there, "every process has told that it is there")
    health = shown["health"]
    assert health["state"] == "well", shown["attention"]
    assert health["log"]["bytes"] > 0
    assert health["log"]["replicas"] == {"wanted": 1, "current": 1}
    assert sum(shown["throughput"]["succeeded"]) > 0
    assert shown["latency"]["run_p99"] is not None
    assert shown["pending_users"] >= 0

    async def has_worker() -> bool:
        shown.update(await show(cluster.http, "admin/operations"))
        kinds = {each["name"]: each for each in shown["kinds"]}
        return bool(kinds["noop"]["workers"])

    await until(has_worker, "the worker has told what it runs")
    kinds = {each["name"]: each for each in shown["kinds"]}
    assert kinds["noop"]["workers"][0]["slots"] >= 1
    assert (kinds["noop"]["has_workers"], kinds["noop"]["hint"], kinds["noop"]["paused"]) == (True, None, None)
    assert sum(kinds["noop"]["throughput"]["succeeded"]) > 0
    assert shown["last_hour"]["succeeded"] > 0
    assert {each["name"]: each["hint"] for each in shown["readers"]} == {"projector": None, "firings": None}
    assert shown["streams"]["open"] >= 0
