"""The audit: what is done on purpose, and what administrators look at, is there before it is answered."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cluster import Cluster
from tests.flow.problems import check_problem


async def entries(cluster: Cluster, **wanted: Any) -> list[dict[str, Any]]:
    answer = await cluster.http.get("/api/v1/audit", params=wanted)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_an_administrators_look_at_what_belongs_to_another_is_in_the_audit(cluster: Cluster) -> None:
    other = await cluster.make_user()
    headers = {"X-Correlation-Id": "look-1"}
    for _ in range(2):
        answer = await cluster.http.get("/api/v1/tasks", params={"owner": other.id}, headers=headers)
        assert answer.status_code == 200
    (entry,) = await entries(cluster, subject=other.id)
    assert entry.pop("id")
    assert entry.pop("at")
    assert entry["data"].pop("credential").startswith("key:")
    administrator, account = [(await cluster.http.get(f"/api/v1/users/{each}")).json() for each in ("local", other.id)]
    assert entry == {
        "actor": "local",
        "actor_name": administrator["email"] or administrator["display_name"],
        "action": "user.viewed",
        "subject": other.id,
        "subject_name": account["email"] or account["display_name"],
        "address": "127.0.0.1",
        "correlation_id": "look-1",
        "data": {"method": "GET", "route": "/api/v1/tasks"},
    }


async def test_a_cancellation_in_bulk_is_in_the_audit_and_a_dry_run_is_not(cluster: Cluster) -> None:
    member = await cluster.make_user()
    async with cluster.http_as(member.key) as http:
        for dry_run in (True, False):
            asked = {"select": {"kind": ["echo"]}, "dry_run": dry_run}
            assert (await http.post("/api/v1/cancellations", json=asked)).status_code == 200
        assert (await http.post("/api/v1/runs", json={"select": {"kind": ["echo"]}})).status_code == 200
    found = await entries(cluster, actor=member.id)
    assert [(each["action"], each["data"]["select"]["kind"]) for each in found] == [
        ("tasks.run_again", ["echo"]),
        ("tasks.cancelled", ["echo"]),
    ]


async def test_pausing_a_kind_is_in_the_audit(cluster: Cluster) -> None:
    for method in ("PUT", "DELETE"):
        assert (await cluster.http.request(method, "/api/v1/kinds/noop/pause")).status_code == 200
    found = await entries(cluster, subject="noop", limit=2)
    assert [each["action"] for each in found] == ["kind.resumed", "kind.paused"]


async def test_the_audit_is_read_page_by_page_and_only_by_administrators(cluster: Cluster) -> None:
    other = await cluster.make_user()
    for path in ("tasks", "batches", "schedules"):
        await cluster.http.get(f"/api/v1/{path}", params={"owner": other.id})
    first = (await cluster.http.get("/api/v1/audit", params={"subject": other.id, "limit": 2})).json()
    rest = await entries(cluster, subject=other.id, limit=2, cursor=first["next_cursor"])
    routes = [each["data"]["route"] for each in [*first["items"], *rest]]
    assert routes == ["/api/v1/schedules", "/api/v1/batches", "/api/v1/tasks"]
    assert await entries(cluster, subject=other.id, before=rest[-1]["at"]) == []
    assert len(await entries(cluster, subject=other.id, since=rest[-1]["at"], action="user.viewed")) == 3
    async with cluster.http_as(other.key) as http:
        check_problem(await http.get("/api/v1/audit"), 403, "forbidden")


@pytest.mark.parametrize(
    "wanted",
    [
        {"action": "nothing"},
        {"since": "yesterday"},
        {"before": "2026-01-31T09:00:00"},
        {"limit": 0},
        {"cursor": "x"},
        {"actor": "\0"},
        {"subject": "a\0"},
    ],
)
async def test_a_filter_of_the_audit_that_means_nothing_is_refused(cluster: Cluster, wanted: dict[str, Any]) -> None:
    assert (await cluster.http.get("/api/v1/audit", params=wanted)).status_code == 400


async def test_the_audit_can_be_asked_for_any_time(cluster: Cluster) -> None:
    assert await entries(cluster, before="0001-01-01T00:00:00+23:59") == []
    assert await entries(cluster, since="9999-12-31T23:59:59-23:59") == []
