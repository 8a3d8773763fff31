"""Batches: many inputs in, counted while they run, settled once."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from typing import Any

from tests.cluster import Cluster
from tests.flow.batch_steps import (
    NDJSON,
    all_once,
    counts,
    last_sequence,
    members,
    post,
    recount,
    settled,
    submit,
)
from tests.flow.problems import check_problem
from tests.sse import follow
from tests.waiting import until


async def test_a_batch_is_accepted_run_counted_and_settled_once(shared: Cluster) -> None:
    inputs = [{"text": f"essay {number}"} for number in range(25)]
    answer = await post(shared, "echo", inputs, name="Essays of class 4.B", max_attempts=2)
    assert answer.status_code == 202
    accepted = answer.json()
    path = f"/api/v1/batches/{accepted['id']}"
    assert answer.headers["Location"] == path
    assert (accepted["state"], accepted["total"], counts(accepted)) == ("open", 25, {"queued": 25})
    assert (accepted["name"], accepted["priority"]) == ("Essays of class 4.B", "low")

    found = await settled(shared, accepted["id"])
    assert counts(found) == {"succeeded": 25} == await recount(shared, accepted["id"])
    assert found["settled_at"] > found["created_at"]
    assert len(await shared.events(f"hr.batches.settled.*.{accepted['id']}")) == 1
    assert await members(shared, accepted["id"]) == all_once(accepted["id"], 25)

    tasks = (await shared.http.get("/api/v1/tasks", params={"batch": accepted["id"]})).json()["items"]
    assert len(tasks) == 25
    assert {(task["batch"], task["max_attempts"], task["priority"]) for task in tasks} == {(accepted["id"], 2, "low")}
    task = (await shared.http.get(f"/api/v1/tasks/{accepted['id']}-17")).json()
    assert task["input"] == inputs[17]

    at_least = {"at_least": found["position"]}
    newest = (await shared.http.get("/api/v1/batches", params=at_least)).json()["items"]
    assert found in newest
    page = (await shared.http.get("/api/v1/batches", params={"kind": "echo", "state": "settled", "limit": 1})).json()
    assert len(page["items"]) == 1
    assert (await shared.http.get("/api/v1/batches", params={"kind": "nope"})).json()["items"] == []


async def test_a_list_of_batches_is_read_page_by_page(shared: Cluster) -> None:
    made = [(await submit(shared, "noop", [{}]))["id"] for _ in range(5)]
    for batch in made:
        await settled(shared, batch)
    seen: list[str] = []
    query: dict[str, Any] = {"kind": "noop", "limit": 2}
    while not {*made} <= {*seen}:
        page = (await shared.http.get("/api/v1/batches", params=query)).json()
        seen += [batch["id"] for batch in page["items"]]
        query["cursor"] = page["next_cursor"]
    assert seen[:5] == made[::-1]
    assert len({*seen}) == len(seen)


async def test_a_batch_of_ndjson_is_read_line_by_line(shared: Cluster) -> None:
    lines = [b'{"text": "one"}\r\n', b"\n", b'{"te', b'xt": "two"}\n  \n{"text": "\xc5\x99"}']

    async def body() -> AsyncGenerator[bytes]:
        for line in lines:
            yield line

    query = {"kind": "echo", "name": "ř", "priority": "high", "max_attempts": 3}
    answer = await shared.http.post("/api/v1/batches", params=query, content=body(), headers=NDJSON)
    assert answer.status_code == 202, answer.text
    accepted = answer.json()
    assert (accepted["total"], accepted["name"], accepted["priority"]) == (3, "ř", "high")
    await settled(shared, accepted["id"])
    tasks = [(await shared.http.get(f"/api/v1/tasks/{accepted['id']}-{number}")).json() for number in range(3)]
    assert [task["input"]["text"] for task in tasks] == ["one", "two", "ř"]
    assert {(task["priority"], task["max_attempts"], task["state"]) for task in tasks} == {("high", 3, "succeeded")}


async def test_the_stream_of_a_batch_shows_counts_at_a_bounded_rate_and_ends_when_the_batch_has_settled(
    shared: Cluster,
) -> None:
    accepted = await submit(shared, "echo", [{"text": "x"}] * 600 + [{"text": "y"}])
    path = f"/api/v1/batches/{accepted['id']}/events"
    began = time.monotonic()
    async with follow(shared.http, path) as stream:
        seen = await stream.rest()
    took = time.monotonic() - began
    assert [each.event for each in seen] == ["counted"] * (len(seen) - 1) + ["settled"]
    assert len(seen) <= 4 * took + 3  # the first, the last, and one that began before
    assert [each.sequence for each in seen] == sorted({each.sequence for each in seen})
    assert all(each.id == each.data["position"] for each in seen)
    final = [sum(each.data["counts"][state] for state in ("succeeded", "failed", "cancelled")) for each in seen]
    assert final == sorted(final)
    assert counts(seen[-1].data) == {"succeeded": 601}

    async with follow(shared.http, path) as stream:
        assert await stream.rest() == seen[-1:]
    async with follow(shared.http, path, after=seen[0].id) as stream:  # cut off before it heard of the end
        assert await stream.rest() == seen[-1:]
    assert (await shared.http.get(path, headers={"Last-Event-ID": seen[-1].id})).status_code == 204


async def test_the_cancellation_of_a_batch_is_seen_at_once_and_asking_again_changes_nothing(shared: Cluster) -> None:
    accepted = await submit(shared, "wait", [{"name": "gate-batch"}] * 3)
    path = f"/api/v1/batches/{accepted['id']}"
    async with follow(shared.http, f"{path}/events") as stream:
        answer = await shared.http.put(f"{path}/cancellation")
        assert answer.status_code == 202, answer.text
        assert answer.json()["cancelled_at"]
        at_least = {"at_least": answer.json()["position"]}
        first = (await shared.http.get(path, params=at_least)).json()["cancelled_at"]
        assert first
        again = await shared.http.put(f"{path}/cancellation")
        assert again.status_code in (202, 409)  # its tasks may all be cancelled by now
        shared.open_gate("gate-batch")
        seen = await stream.rest()
    assert seen[-1].event == "settled"
    assert seen[-1].data["cancelled_at"] == first
    assert len(await shared.events(f"hr.batches.cancelled.*.{accepted['id']}")) == 1
    problem = check_problem(await shared.http.put(f"{path}/cancellation"), 409, "batch_settled")
    assert "nothing is left to cancel" in problem["message"]


async def test_a_batch_settles_again_after_one_of_its_tasks_was_run_again(shared: Cluster) -> None:
    accepted = await submit(shared, "fail", [{}, {}], max_attempts=1)
    first = await settled(shared, accepted["id"])
    assert counts(first) == {"failed": 2}
    answer = await shared.http.post(f"/api/v1/tasks/{accepted['id']}-1/runs")
    assert answer.status_code == 202, answer.text

    async def settled_again() -> bool:
        return len(await shared.events(f"hr.batches.settled.*.{accepted['id']}")) == 2

    await until(settled_again, "the batch to settle again")
    at_least = {"at_least": f"{shared.log.epoch}-{await last_sequence(shared)}"}
    found = (await shared.http.get(f"/api/v1/batches/{accepted['id']}", params=at_least)).json()
    assert (found["state"], counts(found)) == ("settled", {"failed": 2})
    assert found["settled_at"] > first["settled_at"]
