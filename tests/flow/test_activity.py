"""`GET /activity`: what happened to the tasks of an account, by the minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.cluster import Cluster


async def activity(cluster: Cluster, **parameters: Any) -> dict[str, Any]:
    answer = await cluster.http.get("/api/v1/activity", params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def test_what_happens_to_tasks_is_counted_with_how_long_they_waited_and_ran(cluster: Cluster) -> None:
    before = (await activity(cluster, kind="fail"))["total"]
    failing = await cluster.submit("fail")
    ended = await cluster.outcome(failing["id"])
    assert ended["wait_seconds"] >= 0
    assert ended["run_seconds"] > 0
    found = await activity(cluster, kind="fail", at_least=ended["position"])
    for name in ("accepted", "started", "failed"):
        assert found["total"][name] == before[name] + 1
        assert found["total"][name] == sum(point[name] for point in found["points"])
    assert 0 < found["total"]["run"]["p50"] < 60
    assert len(found["points"]) in (60, 61)
    assert found["points"][0]["at"] == found["begin"]
    assert found["points"][0].keys() == {
        *("at", "accepted", "started", "retried", "succeeded", "failed", "cancelled", "wait", "run"),
    }


async def test_lists_show_what_was_slow_the_slowest_first(cluster: Cluster) -> None:
    ended = [await cluster.outcome((await cluster.submit("fail"))["id"]) for _ in range(3)]
    ran = {task["id"]: task["run_seconds"] for task in ended}
    least = min(ran.values())
    asked = {"kind": "fail", "state": "failed", "slower_than": least, "limit": 1, "at_least": ended[-1]["position"]}
    found: list[dict[str, Any]] = []
    while asked.get("cursor", "first"):
        page = (await cluster.http.get("/api/v1/tasks", params=asked)).json()
        found += page["items"]
        asked["cursor"] = page["next_cursor"]
    assert {id_ for id_, seconds in ran.items() if seconds > least} <= {task["id"] for task in found}
    assert [task["run_seconds"] for task in found] == sorted((task["run_seconds"] for task in found), reverse=True)
    by_wait = await cluster.http.get("/api/v1/tasks", params={"sort": "longest_wait", "limit": 200})
    waits = [task["wait_seconds"] for task in by_wait.json()["items"]]
    assert waits == sorted(waits, reverse=True)
    assert len(waits) >= 3


async def test_a_list_that_no_index_has_in_order_is_refused(cluster: Cluster) -> None:
    answer = await cluster.http.get("/api/v1/tasks", params={"owner": "*", "sort": "longest_run"})
    assert (answer.status_code, "listed by age" in answer.text) == (422, True), answer.text


@pytest.mark.parametrize("name", ["slower_than", "waited_longer_than"])
async def test_a_list_by_a_duration_that_is_none_is_refused(cluster: Cluster, name: str) -> None:
    for given in ("inf", "nan", "-1", "1e999", "1e10", ""):
        answer = await cluster.http.get("/api/v1/tasks", params={name: given})
        assert (answer.status_code, f"query {name}" in answer.text) == (400, True), (given, answer.text)


AGO = datetime.now(UTC)


@pytest.mark.parametrize(
    ("parameters", "status", "says"),
    [
        ({"step": 90}, 422, "say whole minutes up to an hour, and whole hours above"),
        ({"step": 5400}, 422, "whole hours"),
        ({"from": AGO - timedelta(days=3)}, 422, "steps of less than an hour are kept for two days; say 3600"),
        ({"from": AGO - timedelta(days=1.5)}, 422, "points, 1,500 at most; say 120 or more"),
        ({"from": AGO - timedelta(days=365), "step": 3600}, 422, "say 21600 or more"),
        ({"from": "1000-01-01T00:00:00Z", "step": 86_400}, 422, "say a later from"),
        ({"to": "0001-01-01T00:00:00Z", "step": 3600}, 422, "no calendar has all of this span"),
        ({"from": "9999-12-31T23:59:59Z", "to": "9999-12-31T23:59:59.5Z"}, 422, "no calendar"),
        ({"from": AGO, "to": AGO}, 422, "from: it is not before to"),
        ({"from": "yesterday"}, 400, "from"),
        ({"step": 1}, 400, "60"),
        ({"since": AGO}, 400, "there is no parameter 'since' here"),
    ],
)
async def test_a_span_that_cannot_be_answered_is_refused_with_what_can(
    cluster: Cluster, parameters: dict[str, Any], status: int, says: str
) -> None:
    given = {name: value.isoformat() if isinstance(value, datetime) else value for name, value in parameters.items()}
    answer = await cluster.http.get("/api/v1/activity", params=given)
    assert (answer.status_code, says in answer.text) == (status, True), answer.text
