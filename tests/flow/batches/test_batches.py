"""Batches: many inputs in, counted while they run, settled once."""

from __future__ import annotations

import asyncio
import collections
import json
import statistics
import time
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest

from headrace.contracts.batches import INPUTS_MAX
from headrace.lifecycle.batch_append import CHUNK_TASKS
from tests.cluster import Cluster, Member, until
from tests.conftest import MakeCluster
from tests.flow.refused.test_bad_input import check_problem
from tests.sse import follow

NDJSON = {"Content-Type": "application/x-ndjson"}
MEMORY_BYTES = 60 << 20


@pytest.fixture
async def shared(cluster: Cluster) -> Cluster:
    await knows(cluster, "echo", "fail", "noop", "wait")
    return cluster


async def knows(cluster: Cluster, *kinds: str) -> None:
    async def known() -> bool:
        return {*kinds} <= {each["name"] for each in (await cluster.http.get("/api/v1/kinds")).json()["items"]}

    await until(known, f"{kinds} to be announced")


async def post(cluster: Cluster, kind: str, inputs: list[Any], key: str | None = None, **more: Any) -> httpx.Response:
    headers = {} if key is None else {"Idempotency-Key": key}
    return await cluster.http.post("/api/v1/batches", json={"kind": kind, "inputs": inputs, **more}, headers=headers)


async def submit(cluster: Cluster, kind: str, inputs: list[Any], **more: Any) -> dict[str, Any]:
    answer = await post(cluster, kind, inputs, **more)
    assert answer.status_code == 202, answer.text
    return answer.json()


async def settled(cluster: Cluster, batch: str) -> dict[str, Any]:
    async def get() -> dict[str, Any] | None:
        answer = await cluster.http.get(f"/api/v1/batches/{batch}", params={"wait": 10})
        return answer.json() if answer.status_code == 200 and answer.json()["state"] == "settled" else None

    return await until(get, f"batch {batch} to settle")


async def members(cluster: Cluster, batch: str) -> collections.Counter[str]:
    """How often the log has each task of a batch queued."""
    queued = await cluster.events("hr.tasks.queued.>")
    return collections.Counter(
        each.subject.rpartition(".")[2] for each in queued if each.headers.get("Headrace-Batch") == batch
    )


def all_once(batch: str, total: int) -> dict[str, int]:
    return {f"{batch}-{number}": 1 for number in range(total)}


async def recount(cluster: Cluster, batch: str) -> dict[str, int]:
    rows = await cluster.rows(f"SELECT state, count(*) AS tasks FROM tasks WHERE batch = '{batch}' GROUP BY state")
    return {row["state"]: row["tasks"] for row in rows}


def counts(batch: dict[str, Any]) -> dict[str, int]:
    return {state: tasks for state, tasks in batch["counts"].items() if tasks}


def instant_of(record: Any) -> str:
    return record.at.isoformat().replace("+00:00", "Z")


async def last_sequence(cluster: Cluster) -> int:
    return (await cluster.log.refresh()).last_sequence


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


async def test_ndjson_is_taken_line_by_line(shared: Cluster) -> None:
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


async def test_a_stream_tells_the_counts_at_a_bounded_rate_and_ends_when_the_batch_has_settled(shared: Cluster) -> None:
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


async def test_a_cancellation_is_seen_at_once_and_asking_again_changes_nothing(shared: Cluster) -> None:
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
        shared.open("gate-batch")
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


GOOD: dict[str, Any] = {"kind": "echo", "inputs": [{"text": "hello"}]}


@pytest.mark.invariant(5)
@pytest.mark.parametrize(
    ("body", "status", "code", "paths"),
    [
        (b"", 400, "malformed_request", [""]),
        (b"{", 400, "malformed_request", [""]),
        (b"[" * 100_000, 400, "malformed_request", [""]),
        (b'{"kind": "echo", "inputs": [%s]}' % (b"[" * 100_000), 400, "malformed_request", []),
        (GOOD | {"colour": "red"}, 400, "malformed_request", [""]),
        (GOOD | {"kind": 7}, 400, "malformed_request", ["/kind"]),
        (GOOD | {"kind": "nope"}, 422, "unknown_kind", ["/kind"]),
        (GOOD | {"priority": "urgent"}, 400, "malformed_request", ["/priority"]),
        (GOOD | {"max_attempts": 0}, 400, "malformed_request", ["/max_attempts"]),
        (GOOD | {"name": "nul \x00"}, 400, "malformed_request", ["/name"]),
        (GOOD | {"name": "x" * 201}, 400, "malformed_request", ["/name"]),
        (GOOD | {"inputs": []}, 400, "malformed_request", ["/inputs"]),
        (GOOD | {"inputs": {}}, 400, "malformed_request", ["/inputs"]),
        (GOOD | {"inputs": [{"text": "a"}, 7]}, 422, "invalid_input", ["/inputs/1"]),
        (
            GOOD | {"inputs": [{"text": "a"}] * 17 + [{"text": 7}, {"text": "b"}, {"more": 1}]},
            422,
            "invalid_input",
            ["/inputs/17/text", "/inputs/19", "/inputs/19"],
        ),
        (GOOD | {"inputs": [{"text": 7}] * 1000}, 422, "invalid_input", [f"/inputs/{n}/text" for n in range(20)]),
        (
            b'{"kind": "echo", "inputs": [%s]}' % b",".join([b"{}"] * (INPUTS_MAX + 1)),
            422,
            "invalid_input",
            [f"/inputs/{n}" for n in range(20)],
        ),
        (
            b'{"kind": "noop", "inputs": [%s]}' % b",".join([b"{}"] * (INPUTS_MAX + 1)),
            413,
            "too_large",
            ["/inputs"],
        ),
        (GOOD | {"inputs": [{"text": "x" * (8 << 20)}]}, 413, "too_large", [""]),
    ],
)
async def test_a_bad_batch_is_refused_whole(
    shared: Cluster, body: Any, status: int, code: str, paths: list[str]
) -> None:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Content-Type": "application/json", "Idempotency-Key": f"bad-{hash(content)}"}
    answer = await shared.http.post("/api/v1/batches", content=content, headers=headers)
    problem = check_problem(answer, status, code)
    assert [error["path"] for error in problem["errors"]] == paths
    corrected = await post(shared, "noop", [{}], key=headers["Idempotency-Key"])  # nothing stands under the key
    assert corrected.status_code == 202


@pytest.mark.invariant(5)
@pytest.mark.parametrize(
    ("query", "body", "status", "code", "path"),
    [
        ({}, b"{}\n", 400, "malformed_request", "query kind"),
        ({"kind": "nope"}, b"{}\n", 422, "unknown_kind", "/kind"),
        ({"kind": "noop", "priority": "urgent"}, b"{}\n", 400, "malformed_request", "query priority"),
        ({"kind": "noop", "max_attempts": 101}, b"{}\n", 400, "malformed_request", "query max_attempts"),
        ({"kind": "noop", "name": "two\nlines"}, b"{}\n", 400, "malformed_request", "query name"),
        ({"kind": "noop"}, b"", 422, "invalid_input", "/inputs"),
        ({"kind": "noop"}, b"\n\n", 422, "invalid_input", "/inputs"),
        ({"kind": "noop"}, b"{}\n{}\n{]\n{}\n", 422, "invalid_input", "/inputs/2"),
        ({"kind": "noop"}, b"{}\n[]", 422, "invalid_input", "/inputs/1"),
        ({"kind": "noop"}, b"{}\n\xff\n", 422, "invalid_input", "/inputs/1"),
        ({"kind": "noop"}, b'{}\n{"a": %s}\n' % (b"[" * 100_000), 422, "invalid_input", "/inputs/1"),
        ({"kind": "echo"}, b'{"text": "a"}\n{"text": 7}\n', 422, "invalid_input", "/inputs/1/text"),
        ({"kind": "noop"}, b"{}\n" * (INPUTS_MAX + 1), 413, "too_large", "/inputs"),
        ({"kind": "echo"}, b'{"text": "%s"}' % (b"x" * (8 << 20)), 413, "too_large", "/inputs/0"),
        ({"kind": "noop"}, b'{}\n\n{}\n{"a": "%s"}' % (b"x" * (8 << 20)), 413, "too_large", "/inputs/2"),
    ],
)
async def test_bad_ndjson_is_refused_whole(
    shared: Cluster, query: dict[str, Any], body: bytes, status: int, code: str, path: str
) -> None:
    answer = await shared.http.post("/api/v1/batches", params=query, content=body, headers=NDJSON)
    problem = check_problem(answer, status, code)
    assert [error["path"] for error in problem["errors"]] == [path]


async def test_an_answer_arrives_although_much_of_the_body_was_not_read(shared: Cluster) -> None:
    async def body() -> AsyncGenerator[bytes]:
        yield b"nonsense\n" * 50
        for _ in range(64):
            yield b"{}\n" * 20_000

    answer = await shared.http.post("/api/v1/batches", params={"kind": "noop"}, content=body(), headers=NDJSON)
    check_problem(answer, 422, "invalid_input")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/api/v1/batches/01a1f9b8-ba72-76cb-aaed-487558f3cb98", 404, "batch_not_found"),
        ("/api/v1/batches/no.pe", 404, "batch_not_found"),
        ("/api/v1/batches/%00", 404, "batch_not_found"),
        ("/api/v1/batches/nope/events", 404, "batch_not_found"),
        ("/api/v1/batches?cursor=nope", 400, "invalid_cursor"),
        ("/api/v1/batches?state=done", 400, "malformed_request"),
        ("/api/v1/batches?at_least=7", 400, "invalid_position"),
    ],
)
async def test_a_bad_read_of_batches_is_refused(shared: Cluster, path: str, status: int, code: str) -> None:
    check_problem(await shared.http.get(path), status, code)


async def test_what_is_neither_json_nor_ndjson_is_refused(shared: Cluster) -> None:
    answer = await shared.http.post("/api/v1/batches", content=b"a,b\n", headers={"Content-Type": "text/csv"})
    check_problem(answer, 415, "unsupported_media_type")
    check_problem(await shared.http.put("/api/v1/batches/nope/cancellation"), 404, "batch_not_found")


@pytest.mark.invariant(4)
async def test_the_same_key_and_batch_give_the_same_batch_and_another_batch_is_refused(shared: Cluster) -> None:
    inputs = [{"text": "a"}, {"text": "b"}]
    first = await submit(shared, "echo", inputs, key="term-1")
    again = await post(shared, "echo", inputs, key="term-1")
    assert again.status_code == 200
    assert again.headers["Location"] == f"/api/v1/batches/{first['id']}"
    assert (again.json()["id"], again.json()["total"]) == (first["id"], 2)

    headers = {**NDJSON, "Idempotency-Key": "term-1"}
    lines = b'{"text":"a"}\n{ "text" : "b" }\n'
    answer = await shared.http.post("/api/v1/batches", params={"kind": "echo"}, content=lines, headers=headers)
    assert (answer.status_code, answer.json()["id"]) == (200, first["id"])

    for inputs_, more in (([{"text": "a"}], {}), (inputs, {"name": "x"}), (inputs, {"max_attempts": 1})):
        check_problem(await post(shared, "echo", inputs_, key="term-1", **more), 422, "idempotency_key_reused")
    check_problem(await post(shared, "echo", inputs, key="a b"), 400, "invalid_idempotency_key")

    await settled(shared, first["id"])
    again = await post(shared, "echo", inputs, key="term-1")
    assert (again.status_code, again.json()["state"], counts(again.json())) == (200, "settled", {"succeeded": 2})
    assert await members(shared, first["id"]) == all_once(first["id"], 2)


@pytest.mark.invariant(4)
async def test_in_which_order_the_fields_of_an_input_come_does_not_matter_to_its_key(shared: Cluster) -> None:
    first = await submit(shared, "wait", [{"name": "never", "more": {"a": 1, "b": 2}}], key="in-order")
    again = await post(shared, "wait", [{"more": {"b": 2, "a": 1}, "name": "never"}], key="in-order")
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    await shared.http.put(f"/api/v1/batches/{first['id']}/cancellation")


@pytest.mark.invariant(4)
async def test_of_many_at_once_with_one_key_one_makes_the_batch(shared: Cluster) -> None:
    total = CHUNK_TASKS + 5
    answers = await asyncio.gather(*(post(shared, "noop", [{}] * total, key="at-once") for _ in range(20)))
    assert collections.Counter(answer.status_code for answer in answers) == {202: 1, 200: 19}
    (batch,) = {answer.json()["id"] for answer in answers}
    assert await members(shared, batch) == all_once(batch, total)
    assert len(await shared.events(f"hr.batches.created.*.{batch}")) == 1
    assert counts(await settled(shared, batch)) == {"succeeded": total}


async def without_workers(make_cluster: MakeCluster) -> tuple[Cluster, Member]:
    cluster = await make_cluster()
    api, worker, _ = await cluster.start("api", "worker", "projector")
    await knows(cluster, "echo", "noop")
    await worker.stop()
    return cluster, api


@pytest.mark.invariant(4)
@pytest.mark.invariant(5)
async def test_a_batch_that_was_cut_off_is_completed_under_its_key(make_cluster: MakeCluster) -> None:
    cluster, api = await without_workers(make_cluster)
    total = 10_000
    sending = asyncio.create_task(post(cluster, "noop", [{}] * total, key="cut"))
    await until(lambda: grown(cluster, 3 * CHUNK_TASKS), "some chunks to be in the log")
    await api.kill()
    with pytest.raises(httpx.TransportError):
        await sending
    assert 3 * CHUNK_TASKS <= await last_sequence(cluster) < total

    await cluster.start("api")
    check_problem(await post(cluster, "noop", [{}], key="cut"), 422, "idempotency_key_reused")
    sending = asyncio.create_task(post(cluster, "noop", [{}] * total, key="cut"))
    await until(lambda: grown(cluster, total // 2), "half of it to be in the log")
    await cluster.nats.kill()  # this time the log goes away, for a moment
    await cluster.nats.start()
    answer = await sending
    assert answer.status_code == 200, answer.text
    batch = answer.json()
    assert await members(cluster, batch["id"]) == all_once(batch["id"], total)
    assert batch["total"] == total

    async def counted() -> bool:
        found = (await cluster.http.get(f"/api/v1/batches/{batch['id']}")).json()
        return counts(found) == {"queued": total}

    await until(counted, "all of it to be counted")

    async with follow(cluster.http, f"/api/v1/batches/{batch['id']}/events") as stream:  # nothing happens to it
        await stream.take(1)
        api = next(member for member in reversed(cluster.members) if member.name == "api")
        began = time.monotonic()
        assert await api.stop() == 0
        assert await stream.rest() == []
        assert time.monotonic() - began < 3


@pytest.mark.invariant(5)
@pytest.mark.slow
async def test_a_hundred_thousand_inputs_take_no_memory_and_an_upload_that_ends_leaves_nothing(
    make_cluster: MakeCluster,
) -> None:
    cluster, api = await without_workers(make_cluster)
    empty = await last_sequence(cluster)
    line = b'{"text": "%s"}\n' % (b"x" * 85)

    gate = asyncio.Event()

    async def half() -> AsyncGenerator[bytes]:
        for _ in range(100):
            yield line * 500
        await gate.wait()

    query = {"kind": "echo"}
    sending = asyncio.create_task(
        cluster.http.post("/api/v1/batches", params=query, content=half(), headers=NDJSON), name="half an upload"
    )
    await until(lambda: _spooled(api), "the upload to be on the disk")
    sending.cancel()
    await until(lambda: not _spooled(api), "the upload to be gone")
    assert await last_sequence(cluster) == empty

    async def whole() -> AsyncGenerator[bytes]:
        for _ in range(200):
            yield line * 500

    process, peak = psutil.Process(api.pid), 0
    before = process.memory_info().rss
    sending = asyncio.create_task(cluster.http.post("/api/v1/batches", params=query, content=whole(), headers=NDJSON))
    singles: list[float] = []  # seconds that others wait meanwhile
    while not sending.done():
        peak = max(peak, process.memory_info().rss)
        began = time.monotonic()
        await cluster.submit("noop")
        singles.append(time.monotonic() - began)
        await asyncio.wait({sending}, timeout=0.05)
    assert statistics.median(singles) < 0.5
    assert sending.result().status_code == 202, sending.result().text
    assert sending.result().json()["total"] == 100_000
    assert await last_sequence(cluster) == empty + 1 + 100_000 + len(singles)
    assert peak - before < MEMORY_BYTES
    assert not _spooled(api)


def _spooled(api: Member) -> bool:
    """Whether a process has an unnamed file open."""
    links: list[str] = []
    for link in Path(f"/proc/{api.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            if int(link.name) > 2:  # its output may go to one of the test's
                links.append(str(link.readlink()))
    return any(link.endswith("(deleted)") and "/tmp" in link for link in links)


async def grown(cluster: Cluster, sequence: int) -> bool:
    return await last_sequence(cluster) >= sequence


@pytest.mark.invariant(7)
async def test_a_projector_killed_while_it_counts_counts_right_and_a_replay_gives_the_same(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    _, _, projector = await cluster.start("api", "worker", "projector")
    await knows(cluster, "noop", "fail")
    total = 3000
    accepted = await submit(cluster, "noop", [{}] * total)
    failing = await submit(cluster, "fail", [{}] * 3, max_attempts=1)

    for fraction in (0.2, 0.6):

        async def so_far(fraction: float = fraction) -> bool:
            rows = await cluster.rows("SELECT succeeded FROM batches ORDER BY total DESC LIMIT 1")
            return bool(rows) and rows[0]["succeeded"] >= fraction * total

        await until(so_far, f"{fraction} of the batch to be counted")
        await projector.kill()
        (projector,) = await cluster.start("projector")
    found = await settled(cluster, accepted["id"])
    assert counts(found) == {"succeeded": total} == await recount(cluster, accepted["id"])
    assert counts(await settled(cluster, failing["id"])) == {"failed": 3}
    assert len(await cluster.events("hr.batches.settled.>")) == 2

    before = await cluster.rows("SELECT * FROM batches ORDER BY id")
    await projector.stop()
    await cluster.rows("TRUNCATE tasks, task_events, projection, batches")
    await cluster.start("projector")

    async def replayed() -> bool:
        return await cluster.rows("SELECT * FROM batches ORDER BY id") == before

    await until(replayed, "the same rows")
    assert len(await cluster.events("hr.batches.settled.>")) == 2
