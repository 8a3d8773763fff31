"""The guided tour: what happens between a browser's request and the result on its screen."""

from __future__ import annotations

import asyncio

import pytest

from tests.cluster import Cluster
from tests.sse import follow
from tests.waiting import until


async def test_a_submission_is_accepted_run_watched_and_read(cluster: Cluster) -> None:
    # A page submits a task. 202 says that it is in the log; the body is the task as it stands.
    answer = await cluster.http.post(
        "/api/v1/tasks", json={"kind": "talk", "input": {}}, headers={"X-Correlation-Id": "click-1"}
    )
    assert answer.status_code == 202
    accepted = answer.json()
    assert accepted["state"] == "queued"
    assert answer.headers["Location"] == f"/api/v1/tasks/{accepted['id']}"
    assert answer.headers["X-Correlation-Id"] == "click-1"

    # It watches the task from its first event to its last; then the stream ends by itself.
    async with follow(cluster.http, f"{answer.headers['Location']}/events") as stream:
        events = await stream.rest()
    names = [seen.event for seen in events]
    assert names[:2] == ["queued", "started"]
    assert names[-1] == "finished"
    assert {"progressed", "logged", "emitted"} <= set(names)
    assert [seen.sequence for seen in events] == sorted({seen.sequence for seen in events})
    assert events[0].id == accepted["position"]
    assert all(seen.data["task"] == accepted["id"] and seen.data["kind"] == "talk" for seen in events)
    assert "input" not in events[0].data

    # The last progress is always sent, every emitted chunk arrives in order, and the outcome carries the result.
    progressed = [seen.data for seen in events if seen.event == "progressed"]
    assert progressed[-1]["fraction"] == 1.0
    assert [chunk for seen in events if seen.event == "emitted" for chunk in seen.data["chunks"]] == list(range(20))
    assert events[-1].data["outcome"] == "succeeded"
    assert events[-1].data["result"] == "said"

    # A browser's EventSource reconnects when a stream ends, with the last id it saw; 204 tells it to stop.
    again = await cluster.http.get(f"{answer.headers['Location']}/events", headers={"Last-Event-ID": events[-1].id})
    assert again.status_code == 204

    # The result is there when it is done: the detail reflects the position of the last event.
    detail = (await cluster.http.get(answer.headers["Location"], params={"at_least": events[-1].id})).json()
    assert detail["state"] == "succeeded"
    assert detail["result"] == "said"
    assert detail["position"] == events[-1].id
    assert detail["created_at"] == events[0].data["at"]

    # So is the timeline, without what was only of use while it happened.
    timeline = (await cluster.http.get(f"{answer.headers['Location']}/timeline")).json()
    assert [entry["event"] for entry in timeline["items"]] == ["queued", "started", "finished"]

    # And the correlation id of the click is on every event in the log.
    records = await cluster.events(f"hr.tasks.*.talk.*.local.{accepted['id']}")
    assert {record.headers["Headrace-Correlation-Id"] for record in records} == {"click-1"}


@pytest.mark.invariant(6)
async def test_a_page_loads_its_list_and_follows_from_there_without_a_gap(cluster: Cluster) -> None:
    first = await cluster.submit("echo", text="one")
    await cluster.outcome(first["id"])
    page = (await cluster.http.get("/api/v1/tasks", params={"at_least": first["position"], "limit": 5})).json()
    assert page["items"][0]["id"] == first["id"]

    second = await cluster.submit("echo", text="two")  # between the list and the stream

    async with follow(cluster.http, "/api/v1/events", after=page["position"]) as stream:
        seen = await stream.take(3)
    assert {each.data["task"] for each in seen} == {second["id"]}
    assert [each.event for each in seen] == ["queued", "started", "finished"]


async def test_the_correlation_id_of_a_request_is_on_the_log_lines_of_its_task(cluster: Cluster) -> None:
    answer = await cluster.http.post(
        "/api/v1/tasks", json={"kind": "fail", "input": {}}, headers={"X-Correlation-Id": "click-2"}
    )
    worker = next(member for member in cluster.members if member.name == "worker")
    line = await worker.until_logged("failed", task_id=answer.json()["id"])
    assert line["correlation_id"] == "click-2"
    assert line["kind"] == "fail"


async def test_waiting_for_a_task_answers_as_soon_as_it_is_final_or_with_the_state_it_has(cluster: Cluster) -> None:
    task = await cluster.submit("wait", name="gate-wait")
    early = (await cluster.http.get(f"/api/v1/tasks/{task['id']}", params={"wait": 0.2})).json()
    assert early["state"] in ("queued", "running")
    waiting = asyncio.create_task(cluster.http.get(f"/api/v1/tasks/{task['id']}", params={"wait": 30}))
    await until(lambda: task["id"] in dict(cluster.calls()), "the task to be started")
    cluster.open_gate("gate-wait")
    assert (await waiting).json()["state"] == "succeeded"


async def test_lists_are_paged_by_cursor_and_filtered_without_gap_or_repeat(cluster: Cluster) -> None:
    ids = [(await cluster.submit("noop"))["id"] for _ in range(25)]
    failing = await cluster.submit("fail")
    await cluster.outcome(failing["id"])
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while len(seen) < 25:
        page = (await cluster.http.get("/api/v1/tasks", params={"kind": "noop", "limit": 7, **cursor})).json()
        seen += [item["id"] for item in page["items"]]
        assert all("input" not in item and item["kind"] == "noop" for item in page["items"])
        cursor = {"cursor": page["next_cursor"]}
    assert seen[:25] == ids[::-1]
    failed = (await cluster.http.get("/api/v1/tasks", params={"state": "failed", "limit": 1})).json()["items"]
    assert failed[0]["id"] == failing["id"]
    assert failed[0]["error"]["code"] == "raised"


async def test_the_api_describes_itself(cluster: Cluster) -> None:
    assert "text/html" in (await cluster.http.get("/api/docs")).headers["Content-Type"]
    document = (await cluster.http.get("/api/docs/openapi.json")).json()
    assert {"/api/v1/tasks", "/api/v1/events", "/api/v1/kinds"} <= document["paths"].keys()
    kinds = (await cluster.http.get("/api/v1/kinds")).json()["items"]
    assert next(kind for kind in kinds if kind["name"] == "echo")["has_workers"]
    ready = await cluster.http.get("/health/ready")
    checks = dict.fromkeys(("log", "read_model", "permissions", "clock", "kinds"), "ok")
    assert ready.json() == {"status": "ok", "checks": checks}
