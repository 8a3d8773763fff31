"""The largest input that is accepted without object storage: whatever becomes of its task can still be said in the log.

With a store the log has no large inputs, see `tests.flow.files.test_large_values`.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import AsyncGenerator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from msgspec import Raw

from headrace.contracts.events import Queued, encode
from headrace.lifecycle.queueing import EVENT_BYTES
from tests.cluster import Cluster
from tests.conftest import MakeCluster, ShareCluster
from tests.flow.conftest import start_without_worker
from tests.flow.life_steps import accepted, ask, cancel, history, now, the_finish_of, timers
from tests.flow.problems import check_problem


@pytest.fixture(scope="module")
async def cluster(share_cluster: ShareCluster) -> AsyncGenerator[Cluster]:
    async with share_cluster("api", "worker", "projector", HEADRACE_OBJECTS_URL="") as shared:
        yield shared


@pytest.fixture
async def cluster_without_worker(make_cluster: MakeCluster) -> Cluster:
    return await start_without_worker(await make_cluster(HEADRACE_OBJECTS_URL=""))


def largest(cluster: Cluster, more: int = 0) -> dict[str, Any]:
    """The largest input that is accepted, or one of some bytes more."""
    size = cluster.log.appender.payload_bytes_max - EVENT_BYTES + more
    return {"text": "x" * (size - len('{"text":""}'))}


async def send_batch(cluster: Cluster, kind: str, *inputs: dict[str, Any]) -> httpx.Response:
    lines = "".join(json.dumps(each, separators=(",", ":")) + "\n" for each in inputs)
    headers = {"Content-Type": "application/x-ndjson"}
    return await cluster.http.post(f"/api/v1/batches?kind={kind}", content=lines, headers=headers)


@pytest.mark.parametrize("when", [{}, {"delay": 0.1}, {"delay": 600}], ids=["now", "soon", "later"])
@pytest.mark.parametrize("keyed", [False, True])
async def test_an_input_over_the_limit_is_refused_with_its_path_and_leaves_nothing(
    cluster: Cluster, when: dict[str, float], keyed: bool
) -> None:
    key = secrets.token_hex(8) if keyed else None
    before = (await cluster.log.refresh()).last_sequence
    problem = check_problem(await ask(cluster, "echo", key, input=largest(cluster, 1), **when), 413, "too_large")
    limit = cluster.log.appender.payload_bytes_max - EVENT_BYTES
    assert [each["path"] for each in problem["errors"]] == ["/input"]
    assert f"at most {limit:,} bytes, this one has {limit + 1:,}" in problem["message"]
    assert (await cluster.log.refresh()).last_sequence == before


async def test_a_batch_accepts_inputs_up_to_the_same_size_as_a_task(cluster: Cluster) -> None:
    problem = check_problem(await send_batch(cluster, "echo", {"text": "x"}, largest(cluster, 1)), 413, "too_large")
    assert [each["path"] for each in problem["errors"]] == ["/inputs/1"]
    answer = await send_batch(cluster, "large_error", {"text": "x"}, largest(cluster))
    assert answer.status_code == 202, answer.text
    for number, text in enumerate(("x", largest(cluster)["text"])):
        found = await cluster.outcome(f"{answer.json()['id']}-{number}")
        assert (found["state"], found["attempt"], found["result"]) == ("succeeded", 2, len(text))


@pytest.mark.invariant(1)
async def test_a_task_with_the_largest_input_can_be_cancelled_while_it_is_queued(
    cluster_without_worker: Cluster,
) -> None:
    cluster, given = cluster_without_worker, largest(cluster_without_worker)
    task = await accepted(cluster, "echo", input=given)
    answer = await cancel(cluster, task["id"])
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert (await the_finish_of(cluster, task["id"])).withdrawn is not None
    found = await cluster.outcome(task["id"])
    assert (found["state"], found["input"] == given) == ("cancelled", True)


@pytest.mark.invariant(1)
async def test_a_task_with_the_largest_input_can_expire(cluster_without_worker: Cluster) -> None:
    cluster = cluster_without_worker
    task = await accepted(cluster, "echo", input=largest(cluster), expires_in=0.3)
    found = await cluster.outcome(task["id"])
    assert (found["state"], found["error"]["code"]) == ("failed", "expired")
    assert (await the_finish_of(cluster, task["id"])).withdrawn is not None


@pytest.mark.invariant(1)
@pytest.mark.parametrize("kind", ["large_error", "large_error_later"])
async def test_a_task_with_the_largest_input_can_be_retried_after_the_longest_error(
    cluster: Cluster, kind: str
) -> None:
    given = largest(cluster)
    task = await accepted(cluster, kind, input=given)
    found = await cluster.outcome(task["id"])
    assert (found["state"], found["attempt"], found["result"]) == ("succeeded", 2, len(given["text"]))
    names = [each.name for each in await history(cluster, task["id"])]
    # The `deferred` event is as large as the input, and its timer may fire before it has arrived.
    names.remove("deferred")
    assert names == ["queued", "started", "queued", "started", "finished"]
    assert await timers(cluster, task["id"]) == 0


async def test_a_delayed_task_that_is_refused_for_its_size_leaves_no_timer(cluster: Cluster) -> None:
    run_at = now().replace(microsecond=123_456) + timedelta(hours=1)
    queued = Queued(attempt=1, fence=0, input=Raw(b'{"text":""}'), max_attempts=1, due_at=run_at)
    fits = cluster.log.appender.payload_bytes_max - len(encode(queued))  # and the deferred one is longer
    before = (await cluster.log.refresh()).last_sequence
    for size in (fits, fits - 1):
        answer = await ask(cluster, "echo", input={"text": "x" * size}, run_at=run_at.isoformat(), max_attempts=1)
        check_problem(answer, 413, "too_large")
    assert (await cluster.log.refresh()).last_sequence == before


async def test_an_input_that_does_not_fit_a_message_is_refused_with_the_limit(cluster: Cluster) -> None:
    size = (8 << 20) - 100  # fits the body limit, but not with what the event adds
    answer = await ask(cluster, "echo", input={"text": "x" * size})
    problem = check_problem(answer, 413, "too_large")
    assert "8,249,344" in problem["message"]
    assert (await ask(cluster, "echo", input={"text": "x"})).status_code == 202  # the connection lives on
