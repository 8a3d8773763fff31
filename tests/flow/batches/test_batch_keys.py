"""The same `Idempotency-Key` makes the same batch, and completes one that was cut off."""

from __future__ import annotations

import asyncio
import collections
import time

import httpx
import pytest

from headrace.lifecycle.batch_append import CHUNK_TASKS
from tests.cluster import Cluster
from tests.flow.batch_steps import NDJSON, all_once, counts, has_grown_to, last_sequence, members, post, settled, submit
from tests.flow.problems import check_problem
from tests.sse import follow
from tests.waiting import until


@pytest.mark.invariant(4)
async def test_a_key_with_the_same_batch_gives_that_batch_and_with_another_is_refused(shared: Cluster) -> None:
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
async def test_the_order_of_the_fields_of_an_input_does_not_matter_to_the_key_of_its_batch(shared: Cluster) -> None:
    first = await submit(shared, "wait", [{"name": "never", "more": {"a": 1, "b": 2}}], key="in-order")
    again = await post(shared, "wait", [{"more": {"b": 2, "a": 1}, "name": "never"}], key="in-order")
    assert (again.status_code, again.json()["id"]) == (200, first["id"])
    await shared.http.put(f"/api/v1/batches/{first['id']}/cancellation")


@pytest.mark.invariant(4)
async def test_many_equal_batches_under_one_key_at_once_make_one_batch(shared: Cluster) -> None:
    total = CHUNK_TASKS + 5
    answers = await asyncio.gather(*(post(shared, "noop", [{}] * total, key="at-once") for _ in range(20)))
    assert collections.Counter(answer.status_code for answer in answers) == {202: 1, 200: 19}
    (batch,) = {answer.json()["id"] for answer in answers}
    assert await members(shared, batch) == all_once(batch, total)
    assert len(await shared.events(f"hr.batches.created.*.{batch}")) == 1
    assert counts(await settled(shared, batch)) == {"succeeded": total}


@pytest.mark.invariant(4)
@pytest.mark.invariant(5)
@pytest.mark.slow
async def test_a_batch_that_was_cut_off_is_completed_under_its_key(cluster_without_worker: Cluster) -> None:
    cluster, api = cluster_without_worker, cluster_without_worker.members[0]
    total = 10_000
    sending = asyncio.create_task(post(cluster, "noop", [{}] * total, key="cut"))
    await until(lambda: has_grown_to(cluster, 3 * CHUNK_TASKS), "some chunks to be in the log")
    await api.kill()
    with pytest.raises(httpx.TransportError):
        await sending
    assert 3 * CHUNK_TASKS <= await last_sequence(cluster) < total

    await cluster.start("api")
    check_problem(await post(cluster, "noop", [{}], key="cut"), 422, "idempotency_key_reused")
    sending = asyncio.create_task(post(cluster, "noop", [{}] * total, key="cut"))
    await until(lambda: has_grown_to(cluster, total // 2), "half of it to be in the log")
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
