"""What somebody sees first, from real servers."""

from __future__ import annotations

from typing import Any

from tests.cluster import Cluster
from tests.screens import show
from tests.waiting import until


async def test_a_dashboard_shows_what_happens_to_the_work_of_its_owner_alone(cluster: Cluster) -> None:
    http = cluster.http_as((await cluster.make_user()).key)
    empty = await show(http, "member/dashboard")
    assert sum(empty["counts"].values()) == 0
    assert (empty["running"], empty["attention"], empty["batches"], empty["next"]) == ([], [], [], [])
    assert empty["today"] == {"succeeded": 0, "failed": 0, "median_seconds": None, "p95_seconds": None}
    assert [len(empty["throughput"][each]) for each in ("succeeded", "failed")] == [60, 60]
    assert {"name": "noop", "title": "Noop", "has_workers": True, "paused": False} in empty["kinds"]

    for kind in ("fail", "fail", "noop"):
        assert (await http.post("/api/v1/tasks", json={"kind": kind, "input": {}})).status_code == 202
    batch = (await http.post("/api/v1/batches", json={"kind": "noop", "inputs": [{}, {}]})).json()
    schedule = {"kind": "noop", "input": {}, "cron": "0 30 9 * * 1-5", "name": "daily"}
    saved = (await http.post("/api/v1/schedules", json=schedule)).json()
    shown: dict[str, Any] = {}

    async def has_ended() -> bool:
        shown.update(await show(http, "member/dashboard", at_least=saved["position"]))
        return shown["counts"]["succeeded"] + shown["counts"]["failed"] == 5

    await until(has_ended, "all tasks have ended")
    assert (shown["today"]["succeeded"], shown["today"]["failed"]) == (3, 2)
    assert shown["today"]["median_seconds"] is not None
    assert (sum(shown["throughput"]["succeeded"]), sum(shown["throughput"]["failed"])) == (3, 2)
    assert [each["id"] for each in shown["batches"]] == [batch["id"]]
    assert [(each["schedule"]["id"], each["schedule"]["name"]) for each in shown["next"]] == [(saved["id"], "daily")]
    (failures,) = shown["attention"]
    assert (failures["what"], failures["count"], failures["group"]["kind"]) == ("failures", 2, "fail")
    assert failures["query"]["fingerprint"] == failures["group"]["fingerprint"]
    assert failures["group"]["message"]
    # An administrator sees the same of this account, with filters that say so, and nothing of it in their own.
    owner = (await http.get("/api/v1/session")).json()["user"]["id"]
    seen = await show(cluster.http, "member/dashboard", owner=owner)
    assert seen["counts"] == shown["counts"]
    assert [each["query"]["owner"] for each in seen["attention"]] == [owner]
