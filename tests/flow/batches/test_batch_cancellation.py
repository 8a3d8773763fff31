"""Cancelling a batch while it is appended, or while some of it is run again: it settles once, the same to all who read the log."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import pytest

from headrace.contracts.batches import BatchCancelled, encode
from headrace.lifecycle.batch_append import CHUNK_TASKS
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.batch_steps import (
    counts,
    has_grown_to,
    instant_of,
    knows,
    last_sequence,
    members,
    post,
    recount,
    settled,
    submit,
)
from tests.flow.problems import check_problem
from tests.member import Member
from tests.waiting import until

MOVING_SECONDS = 120.0  # in which thousands of tasks are cancelled one by one, also on a machine that does much else


@pytest.mark.slow
@pytest.mark.invariant(1)
@pytest.mark.invariant(5)
async def test_a_batch_that_is_cancelled_while_it_is_appended_gets_no_further_tasks_and_settles_once(
    make_cluster: MakeCluster,
) -> None:
    # The API stands still until the batch has settled, and is to find its acknowledgements in time all the same.
    cluster = await make_cluster(HEADRACE_STREAM_APPEND_TIMEOUT=f"{MOVING_SECONDS:g}")
    api, worker, _ = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    await worker.stop()
    total = 20_000
    cluster.http.timeout = MOVING_SECONDS
    sending = asyncio.create_task(post(cluster, "noop", [{}] * total, key="unwanted"))
    await until(lambda: has_grown_to(cluster, 2 * CHUNK_TASKS), "some chunks to be in the log")
    api.signal(signal.SIGSTOP)
    (created,) = await cluster.events("hr.batches.created.>")
    _, _, _, owner, batch = created.subject.split(".")
    cancelled = await cluster.log.appender.append(  # by another API
        f"hr.batches.cancelled.{owner}.{batch}", encode(BatchCancelled(by=owner)), {}
    )

    async def ends() -> list[Any]:
        return await cluster.events("hr.batches.settled.>")

    await until(ends, "it to settle", MOVING_SECONDS)
    api.signal(signal.SIGCONT)
    answer = await sending
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert (found["id"], found["total"]) == (batch, total)
    assert found["cancelled_at"]
    await asyncio.sleep(1)  # for what should not come
    (end,) = await ends()
    found = await settled(cluster, batch)
    there = found["counts"]["cancelled"]
    assert CHUNK_TASKS < there < total
    assert counts(found) == await recount(cluster, batch) == {"cancelled": there}
    assert found["settled_at"] == instant_of(end)
    happened = await cluster.events("hr.tasks.>")
    assert {each.subject.split(".")[2] for each in happened if each.sequence > cancelled.sequence} == {"finished"}

    last = await last_sequence(cluster)
    again = await post(cluster, "noop", [{}] * total, key="unwanted")
    assert again.status_code == 200
    assert again.json().items() >= found.items()
    assert await last_sequence(cluster) == last

    await cluster.start("worker")  # nothing more comes, but what there is can be run again
    assert (await cluster.http.post(f"/api/v1/tasks/{batch}-0/runs")).status_code == 202

    async def settled_again() -> bool:
        return len(await ends()) == 2

    await until(settled_again, "it to settle again")
    assert counts(await settled(cluster, batch)) == {"succeeded": 1, "cancelled": there - 1}


@pytest.mark.slow
@pytest.mark.invariant(1)
@pytest.mark.invariant(5)
async def test_a_batch_cancelled_over_and_over_while_it_is_sent_and_run_settles_once(cluster: Cluster) -> None:
    await knows(cluster, "noop")
    batches: list[str] = []
    for number in range(3):
        before = {each.sequence for each in await cluster.events("hr.batches.created.>")}
        sending = asyncio.create_task(post(cluster, "noop", [{}] * 5000, key=f"unwanted-{number}"))

        async def begun(before: set[int] = before) -> list[str]:
            events = await cluster.events("hr.batches.created.>")
            return [each.subject.split(".")[-1] for each in events if each.sequence not in before]

        (batch,) = await until(begun, "it to begin")
        batches.append(batch)
        answers = await asyncio.gather(
            *(cluster.http.put(f"/api/v1/batches/{batch}/cancellation") for _ in range(5)), sending
        )
        assert {answer.status_code for answer in answers} <= {200, 202, 409}
        found = await settled(cluster, batch)
        assert counts(found) == await recount(cluster, batch)
        assert sum(counts(found).values()) == len(await members(cluster, batch)) + await withdrawn_of(cluster, batch)
    for batch in batches:
        assert len(await cluster.events(f"hr.batches.settled.*.{batch}")) == 1


async def withdrawn_of(cluster: Cluster, batch: str) -> int:
    """How many tasks of a batch were ended while they were queued."""
    finished = await cluster.events("hr.tasks.finished.>")
    return sum(b'"withdrawn":{' in each.payload for each in finished if each.headers.get("Headrace-Batch") == batch)


async def replay(cluster: Cluster, projector: Member) -> Member:
    """Have the read model made anew from the log alone."""
    await projector.stop()
    await cluster.rows("TRUNCATE tasks, task_events, projection, batches")
    (projector,) = await cluster.start("projector")
    return projector


@pytest.mark.slow
@pytest.mark.invariant(7)
async def test_a_task_of_a_cancelled_batch_that_is_run_again_and_cancelled_while_queued_leaves_the_same_in_a_replay(
    cluster_without_worker: Cluster,
) -> None:
    cluster = cluster_without_worker
    projector = cluster.members[2]

    async def cancelled(path: str) -> None:
        answer = await cluster.http.put(f"{path}/cancellation")
        assert answer.status_code in (200, 202), answer.text

    async def settled_times(batch: str, times: int) -> None:
        async def there() -> bool:
            return len(await cluster.events(f"hr.batches.settled.*.{batch}")) == times

        await until(there, f"batch {batch} to settle {times} times")
        await settled(cluster, batch)

    made = [(await submit(cluster, "noop", [{}] * 3))["id"] for _ in range(2)]
    for batch in made:
        await cancelled(f"/api/v1/batches/{batch}")
        await settled_times(batch, 1)
        again = await cluster.http.post(f"/api/v1/tasks/{batch}-1/runs")
        found = await cluster.http.get(f"/api/v1/batches/{batch}", params={"at_least": again.json()["position"]})
        assert (found.json()["state"], found.json()["cancelled_at"]) == ("open", None)
    task_alone, whole_batch = made
    await cancelled(f"/api/v1/tasks/{task_alone}-1")
    await cancelled(f"/api/v1/batches/{whole_batch}")
    for batch in made:
        await settled_times(batch, 2)

    before = await cluster.rows("SELECT * FROM batches ORDER BY id")
    assert {row["id"]: row["cancelled_at"] is not None for row in before} == {task_alone: False, whole_batch: True}
    await replay(cluster, projector)
    last = (await cluster.log.refresh()).last_sequence

    async def replayed() -> bool:
        found = await cluster.rows("SELECT sequence FROM projection WHERE name = 'tasks'")
        return bool(found) and found[0]["sequence"] >= last

    await until(replayed, "the whole log to be read")
    assert await cluster.rows("SELECT * FROM batches ORDER BY id") == before
    assert len(await cluster.events("hr.batches.settled.>")) == 4


@pytest.mark.slow
async def test_a_settled_batch_cannot_be_cancelled_by_an_api_that_has_not_heard_of_its_end(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    _, _, projector = await cluster.start("api", "worker", "projector")
    await knows(cluster, "noop")
    batch = await submit(cluster, "noop", [{}] * 3)
    await settled(cluster, batch["id"])
    await projector.stop()
    await cluster.rows("UPDATE batches SET state = 'open', settled_at = NULL, sequence = sequence - 1")
    path = f"/api/v1/batches/{batch['id']}/cancellation"
    problem = check_problem(await cluster.http.put(path), 503, "log_unavailable")
    assert "changes too fast" in problem["message"]
    assert await cluster.events("hr.batches.cancelled.>") == []
