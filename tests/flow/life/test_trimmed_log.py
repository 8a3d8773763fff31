"""A log that keeps so many finished tasks: what leaves it early, what never does, and what is still known of what has left."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import pytest

from headrace.errors import LogUnavailable
from headrace.log.connection import Log
from headrace.log.prune import withdraw_all
from headrace.projector import trimming
from headrace.projector.trimming import Trimming
from headrace.store.trimming import TrimmingSession
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.batch_steps import post, settled, submit
from tests.flow.life_steps import accepted, ask, called, calls, names, tables, timers
from tests.flow.problems import check_problem
from tests.sse import follow
from tests.waiting import until

MAX_TASKS = 20
TARGET = 18  # 0.9 of it
# The API of the test asks for the extent of the log each second.
ANNOUNCED_SECONDS = 2.5
TEXT: dict[str, Any] = {"input": {"text": "once"}}


async def pass_of(cluster: Cluster, trimmer: Trimming) -> None:
    session = await TrimmingSession.connect(cluster.database_url)
    try:
        await trimmer.trim(session)
    finally:
        session.close()


async def trimmed(cluster: Cluster, trimmer: Trimming) -> None:
    """Pass until the log has no more finished tasks than it may, of those that are projected."""

    async def is_done() -> bool:
        await pass_of(cluster, trimmer)
        return trimmer.kept is not None and trimmer.kept <= MAX_TASKS

    await until(is_done, "the log to be trimmed")


@asynccontextmanager
async def limited(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[None]:
    """Limit the log for those who trim it in the test's own process; the processes of the cluster do not."""
    monkeypatch.setattr(trimming, "KEPT_SECONDS", 0.0)
    monkeypatch.setattr(trimming, "ANNOUNCED_SECONDS", ANNOUNCED_SECONDS)
    monkeypatch.setattr(trimming, "TASKS_AT_ONCE", 5)
    before = cluster.log.settings
    cluster.log.settings = msgspec.structs.replace(before, max_tasks=MAX_TASKS)
    yield
    cluster.log.settings = before


async def run_many(cluster: Cluster, count: int) -> list[str]:
    tasks = [(await accepted(cluster, "noop"))["id"] for _ in range(count)]
    await cluster.all_finished(tasks)
    return tasks


class Interrupting:
    """Withdraws records, and is cut off after some of them, as a projector that is killed."""

    def __init__(self, times: int) -> None:
        self._left = times

    async def __call__(self, log: Log, sequences: Sequence[int]) -> None:
        self._left -= 1
        if self._left < 0:
            raise LogUnavailable("cut off")
        await withdraw_all(log, sequences)


@pytest.mark.slow
@pytest.mark.invariant(1)
@pytest.mark.invariant(4)
@pytest.mark.invariant(6)
@pytest.mark.invariant(7)
async def test_finished_tasks_leave_a_log_that_has_too_many_and_all_else_is_as_it_was(
    make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = await make_cluster(HEADRACE_STREAM_MAX_TASKS="0")
    _, _, projector = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    keyed = await accepted(cluster, "echo", key="key-1", **TEXT)
    batch = await submit(cluster, "echo", [{"text": "a"}, {"text": "b"}], key="batch-1")
    await settled(cluster, batch["id"])
    going_on = (await accepted(cluster, "wait", input={"name": "gate"}))["id"]
    pending = (await accepted(cluster, "echo", key="key-2", delay=600, **TEXT))["id"]
    await called(cluster, going_on)
    many = await run_many(cluster, 40)
    whole = await tables(cluster)
    await projector.stop()
    unprojected = await run_many(cluster, 10)

    async with limited(cluster, monkeypatch):
        # The first who trims is cut off in the middle, and another one goes on.
        monkeypatch.setattr(trimming, "withdraw_all", Interrupting(5))
        first = Trimming(cluster.log, cluster.database_url)
        with pytest.raises(LogUnavailable, match="cut off"):
            await trimmed(cluster, first)
        monkeypatch.setattr(trimming, "withdraw_all", withdraw_all)
        left = {task for task in many if not await names(cluster, task)}
        assert left
        await trimmed(cluster, Trimming(cluster.log, cluster.database_url))
        finishes = await cluster.finishes()
        assert len([task for task in many if task in finishes]) == TARGET
        assert all([await names(cluster, task) == ["queued", "started", "finished"] for task in unprojected])

        await cluster.start("projector")
        await tables(cluster)
        await trimmed(cluster, Trimming(cluster.log, cluster.database_url))
        finishes = await cluster.finishes()
        assert len(finishes) == TARGET
        assert set(unprojected) <= finishes.keys()
    assert await names(cluster, keyed["id"]) == []
    assert (await names(cluster, going_on))[:2] == ["queued", "started"]
    assert (await names(cluster, pending), await timers(cluster, pending)) == (["deferred"], 1)

    await check_keys(cluster, keyed, batch)
    await check_streams(cluster, keyed, going_on)
    once = [keyed["id"], *(f"{batch['id']}-{index}" for index in range(2))]
    assert [calls(cluster, task) for task in once] == [1, 1, 1]
    cluster.open_gate("gate")
    assert (await cluster.outcome(going_on))["state"] == "succeeded"
    assert (calls(cluster, going_on), (await cluster.finishes())[going_on]) == (1, 1)
    again = await cluster.http.post(f"/api/v1/tasks/{keyed['id']}/runs")
    assert again.status_code == 202, again.text
    await until(lambda: calls(cluster, keyed["id"]) == 2, "the task to run again")
    await check_replays(cluster, whole)


async def check_keys(cluster: Cluster, keyed: dict[str, Any], batch: dict[str, Any]) -> None:
    """What was submitted under a key is known by it although it has left the log, and runs no second time."""
    again = await ask(cluster, "echo", key="key-1", **TEXT)
    assert (again.status_code, again.json()["id"], again.json()["state"]) == (200, keyed["id"], "succeeded")
    other = await ask(cluster, "echo", key="key-1", input={"text": "twice"})
    check_problem(other, 422, "idempotency_key_reused")
    inputs = [{"text": "a"}, {"text": "b"}]
    sent = await post(cluster, "echo", inputs, key="batch-1")
    assert (sent.status_code, sent.json()["id"], sent.json()["state"]) == (200, batch["id"], "settled")
    check_problem(await post(cluster, "echo", inputs[:1], key="batch-1"), 422, "idempotency_key_reused")
    async with cluster.without_postgres():
        check_problem(await ask(cluster, "echo", key="key-1", **TEXT), 503, "read_model_unavailable")
        assert (await ask(cluster, "noop")).status_code == 202


async def check_streams(cluster: Cluster, keyed: dict[str, Any], going_on: str) -> None:
    """A stream that would go on where tasks have left is told so; one of a task that has not left begins with its first event."""
    async with follow(cluster.http, "/api/v1/events", after=keyed["position"]) as stream:
        seen = await stream.next()
        assert (seen.event, seen.data["reason"]) == ("reset", "events after the position have left the log")
    async with follow(cluster.http, f"/api/v1/tasks/{going_on}/events") as stream:
        assert [each.event for each in await stream.take(2)] == ["queued", "started"]
    ended = await cluster.http.get(f"/api/v1/tasks/{keyed['id']}/events")
    assert ended.status_code == 204
    timeline = (await cluster.http.get(f"/api/v1/tasks/{keyed['id']}/timeline")).json()
    assert [each["event"] for each in timeline["items"]] == ["queued", "started", "finished"]


async def check_replays(cluster: Cluster, whole: list[list[dict[str, Any]]]) -> None:
    """Reading the log again leaves the rows of what has left it, and gives the same rows of what it has."""
    before = await tables(cluster)
    assert {row["id"] for row in whole[0]} <= {row["id"] for row in before[0]}
    projector = next(each for each in reversed(cluster.members) if each.name == "projector")
    await projector.stop()
    await cluster.execute("DELETE FROM projection")
    (projector,) = await cluster.start("projector")
    assert await tables(cluster) == before
    await projector.stop()
    await cluster.execute("TRUNCATE tasks, task_events, batches, projection")
    await cluster.start("projector")
    in_log = {record.subject.split(".")[-1] for record in await cluster.events("hr.tasks.queued.>")}
    rows = (await tables(cluster))[0]
    assert {row["id"] for row in rows} >= in_log
    known = {row["id"]: row for row in before[0]}
    # What was run again after it had left shows in the log from its second run on.
    assert [row for row in rows if row != known[row["id"]] and calls(cluster, row["id"]) == 1] == []
