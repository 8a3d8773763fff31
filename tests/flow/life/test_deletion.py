"""Deleting a finished task: it is gone from lists, details and the log, for everybody and for a replay."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from headrace.contracts.positions import Position
from headrace.log.records import Record
from headrace.projector.decode import batch_ids, decode_page, schedule_ids, task_ids
from headrace.projector.fold.page import fold_page
from headrace.store.leadership import LeaderSession
from headrace.store.projection import Projection
from tests.cluster import Cluster
from tests.faults.observations import read_tables
from tests.flow.life_steps import accepted, ask, cancel, names, read, run_again, tables
from tests.flow.problems import check_problem
from tests.waiting import until


async def delete(cluster: Cluster, task: str) -> Any:
    return await cluster.http.delete(f"/api/v1/tasks/{task}")


async def finished(cluster: Cluster, key: str | None = None) -> str:
    task = (await accepted(cluster, "echo", key, input={"text": "mine alone"}))["id"]
    await cluster.outcome(task)
    return task


async def test_a_deleted_task_is_gone_from_lists_details_and_the_log(cluster: Cluster) -> None:
    task = await finished(cluster)
    answer = await delete(cluster, task)
    assert answer.status_code == 204
    assert not answer.content
    for path in ("", "/timeline", "/events"):
        check_problem(await cluster.http.get(f"/api/v1/tasks/{task}{path}"), 404, "task_not_found")
    listed = (await cluster.http.get("/api/v1/tasks")).json()["items"]
    assert task not in [each["id"] for each in listed]
    assert await names(cluster, task) == ["deleted"]
    assert not await cluster.rows(f"SELECT FROM task_events WHERE task = '{task}'")
    (entry,) = (await cluster.http.get("/api/v1/audit", params={"action": "task.deleted", "limit": 1})).json()["items"]
    assert (entry["subject"], entry["data"]["kind"]) == (task, "echo")
    for again in (delete, cancel, run_again):
        check_problem(await again(cluster, task), 404, "task_not_found")


async def test_only_the_owner_deletes_a_task_and_only_one_that_is_over(cluster: Cluster) -> None:
    task = (await accepted(cluster, "noop", delay=3600))["id"]
    refused = check_problem(await delete(cluster, task), 409, "task_not_finished")
    assert refused["message"] == "the task is not over; cancel it first, or wait for its end"
    await cancel(cluster, task)
    stranger = await cluster.make_user()
    async with cluster.http_as(stranger.key) as http:
        check_problem(await http.delete(f"/api/v1/tasks/{task}"), 404, "task_not_found")

    async def is_cancelled() -> bool:
        return (await read(cluster, task))["state"] == "cancelled"

    await until(is_cancelled, "the read model has the cancellation")
    assert (await delete(cluster, task)).status_code == 204
    check_problem(await delete(cluster, "nobody-has-it"), 404, "task_not_found")


async def test_the_key_of_a_deleted_task_makes_no_second_one_while_the_log_knows_it(cluster: Cluster) -> None:
    task = await finished(cluster, "once-and-deleted")
    await delete(cluster, task)
    again = await ask(cluster, "echo", "once-and-deleted", input={"text": "mine alone"})
    assert check_problem(again, 409, "task_deleted")["message"].endswith("use a new key for a new submission")
    other = await ask(cluster, "echo", "once-and-deleted", input={"text": "another"})
    check_problem(other, 422, "idempotency_key_reused")


async def test_a_deletion_and_a_new_run_at_the_same_moment_come_one_after_the_other(cluster: Cluster) -> None:
    for _ in range(5):
        task = await finished(cluster)
        deleted, again = await asyncio.gather(delete(cluster, task), run_again(cluster, task))
        # The new run may be over already when the deletion looks again.
        assert (deleted.status_code, again.status_code) in ((204, 404), (409, 202), (204, 202))
        if deleted.status_code == 204:
            assert await names(cluster, task) == ["deleted"]
        else:
            assert (await cluster.outcome(task))["state"] == "succeeded"


async def test_a_task_is_deleted_once_however_many_ask_for_it(cluster: Cluster) -> None:
    task = await finished(cluster)
    answers = await asyncio.gather(*(delete(cluster, task) for _ in range(5)))
    assert sorted(each.status_code for each in answers) == [204, 404, 404, 404, 404]
    assert await names(cluster, task) == ["deleted"]


@pytest.mark.invariant(7)
async def test_a_replay_does_not_bring_a_deleted_task_back_and_its_batch_goes_on_counting_it(
    shared: Cluster, make_database: Callable[[], Awaitable[str]]
) -> None:
    owner = await shared.make_user()
    async with shared.http_as(owner.key) as http:
        made = (await http.post("/api/v1/batches", json={"kind": "echo", "inputs": [{"text": "a"}] * 3})).json()

        async def settled() -> Any:
            found = (await http.get(f"/api/v1/batches/{made['id']}")).json()
            return found if found["state"] == "settled" else None

        before = await until(settled, "the batch to settle")
        members = (await http.get("/api/v1/tasks", params={"batch": made["id"]})).json()["items"]
        for each in members[:2]:
            assert (await http.delete(f"/api/v1/tasks/{each['id']}")).status_code == 204
        after = await settled()
    assert (after["counts"], after["total"], after["settled_at"]) == (
        before["counts"],
        before["total"],
        before["settled_at"],
    )
    await tables(shared)
    about = [owner.id, made["id"], *(each["id"] for each in members)]
    replayed = await replay(await shared.events("hr.>"), shared.log.epoch, await make_database())
    live = await read_tables(shared.database_url)
    for table, rows in live.items():
        # Others use this cluster as well, and not all of them leave a log that can be read again.
        assert _about(about, replayed[table]) == _about(about, rows), table
    assert len(_about(about, live["tasks"])) == 1
    assert _about(about, live["activity"])


def _about(ids: list[str], rows: list[str]) -> list[str]:
    return [row for row in rows if any(each in row for each in ids)]


async def replay(records: list[Record], epoch: int, url: str) -> dict[str, list[str]]:
    """Project a log into an empty database, and return its tables."""
    session = await LeaderSession.connect(url)
    projection = Projection(session)
    for start in range(0, len(records), 500):
        page = records[start : start + 500]
        decoded = list(decode_page(page))
        rows = await projection.load_tasks(list(task_ids(decoded)))
        batches = await projection.load_batches(list(batch_ids(decoded, rows.values())))
        schedules = await projection.load_schedules(list(schedule_ids(decoded)))
        folded = fold_page(decoded, rows, batches, schedules, epoch)
        await projection.write_page(folded, Position(epoch, page[-1].sequence))
    session.close()
    return await read_tables(url)
