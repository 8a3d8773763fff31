"""What only time tells of: expiry without a worker, retention, timers that never went off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from headrace.contracts.events import Finished, decode, encode
from headrace.log import subjects
from headrace.log.prune import withdraw
from headrace.projector.sweep import Sweep
from headrace.store.leadership import LeaderSession
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.purge import purge
from tests.waiting import until


async def submit(cluster: Cluster, **fields: Any) -> str:
    answer = await cluster.http.post("/api/v1/tasks", json={"kind": "echo", "input": {"text": "x"}, **fields})
    assert answer.status_code == 202, answer.text
    return answer.json()["id"]


@pytest.mark.invariant(1)
async def test_a_task_that_nobody_starts_in_time_expires_without_any_worker(cluster_without_worker: Cluster) -> None:
    cluster = cluster_without_worker
    queued = await submit(cluster, expires_in=0.2)
    pending = await submit(cluster, delay=3600, expires_in=7200)
    found = await cluster.outcome(queued)
    assert (found["state"], found["error"]["code"]) == ("failed", "expired")
    assert found["started_at"] is None
    assert await cluster.events(subjects.task_events(task=queued, event="queued")) == []
    finished = decode((await cluster.events(subjects.task_events(task=queued, event="finished")))[0].payload)
    assert isinstance(finished, Finished)
    assert finished.withdrawn is not None
    assert (await cluster.http.get(f"/api/v1/tasks/{pending}")).json()["state"] == "pending"
    await cluster.start("worker")
    assert (await cluster.outcome(await submit(cluster)))["state"] == "succeeded"
    assert queued not in [task for task, _ in cluster.calls()]


@pytest.mark.invariant(1)
async def test_a_queued_task_that_the_log_is_about_to_drop_is_expired_and_not_lost(
    cluster_without_worker: Cluster,
) -> None:
    cluster = cluster_without_worker
    task = await submit(cluster)
    later = await submit(cluster, delay=3600)
    await until(lambda: _rows(cluster, 2), "both rows")
    session = await LeaderSession.connect(cluster.database_url)
    kept = cluster.log.settings
    cluster.log.settings = msgspec.structs.replace(kept, retention=0.1)  # as if it had waited for days
    try:
        await until(lambda: _swept(Sweep(cluster.log), session, cluster, task), "the task to be expired")
    finally:
        cluster.log.settings = kept
        session.close()
    found = await cluster.outcome(task)
    assert (found["state"], found["error"]["code"]) == ("failed", "expired")
    assert (await cluster.http.get(f"/api/v1/tasks/{later}")).json()["state"] == "pending"


@pytest.mark.invariant(1)
@pytest.mark.slow
async def test_a_task_whose_timer_the_broker_has_lost_is_queued_all_the_same(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    task = await submit(cluster, delay=1.0)
    await purge(cluster.log, subjects.task_timer("local", task))
    assert (await cluster.outcome(task))["state"] == "succeeded"
    assert [called for called, _ in cluster.calls()] == [task]


@pytest.mark.invariant(2)
async def test_a_row_far_behind_the_log_takes_no_timer_away_and_ends_no_task(make_cluster: MakeCluster) -> None:
    """As after an hour without Postgres: the log knows of another attempt, and of its timer."""
    cluster = await make_cluster()
    _, _, projector = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    body = {"kind": "fail_for_a_minute", "input": {"steps": ["expected", "ok"]}, "expires_in": 30}
    answer = await cluster.http.post("/api/v1/tasks", json=body)
    assert answer.status_code == 202, answer.text
    task = answer.json()["id"]
    deferred = subjects.task_events(task=task, event="deferred")
    await until(lambda: cluster.events(deferred), "the task to wait for its second attempt")
    await until(lambda: _is(cluster, "pending"), "the row")
    await projector.stop()
    log, session = cluster.log, await LeaderSession.connect(cluster.database_url)
    before = await log.refresh()
    for stale in ("due_at", "expires_at"):
        await cluster.execute(f"UPDATE tasks SET {stale} = now() - interval '1 minute'")
        await Sweep(log).sweep(session)
    assert await cluster.events(subjects.task_timer("local", task))
    assert (await log.refresh()).last_sequence == before.last_sequence
    session.close()


async def test_timers_that_were_due_in_an_outage_are_given_time_to_go_off(
    make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster = await make_cluster()
    _, _, projector = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    task = await submit(cluster, delay=3600.0)
    await until(lambda: _is(cluster, "pending"), "the row")
    await projector.stop()
    deferred = (await cluster.events(subjects.task_events(task=task, event="deferred")))[0]
    event = msgspec.structs.replace(decode(deferred.payload), due_at=datetime.now(UTC) - timedelta(minutes=1))
    await cluster.log.appender.append(deferred.subject, encode(event), {})
    await cluster.execute(f"UPDATE tasks SET due_at = now() - interval '1 minute', sequence = {deferred.sequence + 1}")
    log, session = cluster.log, await LeaderSession.connect(cluster.database_url)
    sweep = Sweep(log)
    sweep.note_outage()
    await sweep.sweep(session)
    assert await cluster.events(subjects.task_events(task=task, event="queued")) == []
    monkeypatch.setattr("headrace.projector.sweep.OVERDUE_SECONDS", 0.0)
    await sweep.sweep(session)
    assert len(await cluster.events(subjects.task_events(task=task, event="queued"))) == 1
    session.close()


@pytest.mark.invariant(1)
@pytest.mark.slow
async def test_a_task_that_ran_when_the_log_dropped_it_and_lost_its_worker_is_run_again(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    _, worker, projector = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    task = (await cluster.submit("wait", name="gate"))["id"]
    await until(lambda: _is(cluster, "running"), "the row")
    await worker.kill()
    queued = await cluster.events(subjects.task_events(task=task, event="queued"))
    await withdraw(cluster.log, queued[0].sequence)  # as its age would
    await projector.stop()
    await cluster.execute(
        "UPDATE tasks SET queued_at = now() - interval '8 days', started_at = now() - interval '2 days'"
    )
    session = await LeaderSession.connect(cluster.database_url)
    await Sweep(cluster.log).sweep(session)
    session.close()
    cluster.open_gate("gate")
    await cluster.start("worker", "projector")
    assert (await cluster.outcome(task))["state"] == "succeeded"


async def _is(cluster: Cluster, state: str) -> bool:
    return [row["state"] for row in await cluster.rows("SELECT state FROM tasks")] == [state]


@pytest.mark.invariant(1)
@pytest.mark.slow
async def test_a_timer_outlives_the_retention_of_the_log(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    task = await submit(cluster, delay=4.0)
    await until(lambda: _rows(cluster, 1), "the row")
    name = subjects.STREAM
    config = (await cluster.log.jetstream.request(f"STREAM.INFO.{name}"))["config"]
    seconds = 1_000_000_000
    short = config | {"max_age": seconds, "duplicate_window": seconds}
    await cluster.log.jetstream.request(f"STREAM.UPDATE.{name}", short)
    await until(lambda: _gone(cluster, task), "its deferred event to leave the log")
    found = await cluster.outcome(task)
    assert found["state"] == "succeeded"


async def _gone(cluster: Cluster, task: str) -> bool:
    return not await cluster.events(subjects.task_events(task=task, event="deferred"))


async def _rows(cluster: Cluster, count: int) -> bool:
    return len(await cluster.rows("SELECT id FROM tasks")) == count


async def _swept(sweep: Sweep, session: LeaderSession, cluster: Cluster, task: str) -> bool:
    await sweep.sweep(session)
    return bool(await cluster.events(subjects.task_events(task=task, event="finished")))
