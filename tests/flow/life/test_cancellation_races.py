"""Cancellations that race with a start, a timer, a finish or a crash: the task ends once, and 200 means cancelled."""

from __future__ import annotations

import asyncio
import random
import secrets
import signal
from datetime import timedelta

import pytest

from headrace.contracts.events import Finished, Outcome, Queued, Withdrawn, encode
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.life_steps import (
    accepted,
    ask,
    called,
    calls,
    cancel,
    history,
    in_state,
    instant,
    names,
    now,
    running,
    the_finish_of,
    timers,
)
from tests.waiting import until


@pytest.mark.slow
async def test_a_process_kind_that_was_cancelled_while_its_process_started_is_stopped(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    task = await accepted(cluster, "until_cancelled_in_process", input={"name": "stopped"})
    await running(cluster, task["id"])  # its start is said before there is a process
    assert (await cancel(cluster, task["id"])).json()["state"] == "cancelled"

    async def acknowledged() -> bool:
        info = await cluster.log.jetstream.request("CONSUMER.INFO.HEADRACE.run-until_cancelled_in_process-normal")
        return info["num_ack_pending"] == 0

    await until(acknowledged, "the worker to be done with it", patience=10)


@pytest.mark.invariant(1)
@pytest.mark.invariant(2)
@pytest.mark.parametrize("kind", ["noop", "flaky"])
async def test_whatever_a_cancellation_races_with_a_task_ends_once_and_200_means_cancelled(
    cluster: Cluster, kind: str
) -> None:
    made_up = random.Random(kind)
    given = {"steps": ["retry", "retry", "ok"], "after": 0.004} if kind == "flaky" else {}

    async def race(number: int) -> tuple[str, int]:
        when = {"delay": made_up.choice((0.001, 0.01, 0.301, 0.31))} if number % 2 else {}
        task = await accepted(cluster, kind, input=given, **when)
        await asyncio.sleep(made_up.random() * (0.03 + when.get("delay", 0)))
        return task["id"], (await cancel(cluster, task["id"])).status_code

    tried: list[tuple[str, int]] = []
    for start in range(0, 100, 10):
        tried += await asyncio.gather(*(race(number) for number in range(start, start + 10)))
    await cluster.all_finished([task for task, _ in tried])
    ends = {task: await the_finish_of(cluster, task) for task, _ in tried}
    for task, status in tried:
        assert status in (200, 409)
        assert (ends[task].outcome is Outcome.CANCELLED) == (status == 200), (task, status)
    assert {status for _, status in tried} == {200, 409}, "both happened"
    for task, _ in tried:
        assert (await cluster.outcome(task))["state"] == ends[task].outcome
        assert await timers(cluster, task) == 0


async def test_a_handler_is_stopped_although_its_worker_did_not_hear_of_the_cancellation(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster(HEADRACE_STREAM_ACK_WAIT="30")
    _, worker, _ = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    task = await accepted(cluster, "until_cancelled_async", input={"name": "stopped-late"})
    await called(cluster, task["id"])
    end = Finished(attempt=1, outcome=Outcome.CANCELLED, by="local")  # as somebody cancels whose word is lost
    (start,) = await until(lambda: cluster.events("hr.tasks.started.>"), "the log to have its start")
    await cluster.log.appender.append(start.subject.replace("started", "finished"), encode(end), {})
    began = now()
    await until((cluster.place / "stopped-late").exists, "the handler to be stopped", patience=10)
    assert now() - began < timedelta(seconds=7)

    stopped = await accepted(cluster, "until_cancelled_async", input={"name": "stopped-later"})
    await called(cluster, stopped["id"])
    worker.signal(signal.SIGSTOP)
    assert (await cancel(cluster, stopped["id"])).json()["state"] == "cancelled"
    worker.signal(signal.SIGCONT)
    await until((cluster.place / "stopped-later").exists, "the handler to be stopped", patience=10)
    assert (await cluster.finishes()) == {task["id"]: 1, stopped["id"]: 1}


@pytest.mark.invariant(1)
@pytest.mark.invariant(7)
async def test_a_cancellation_cut_off_before_it_cleared_away_is_completed_by_asking_again_or_by_the_next_worker(
    cluster_without_worker: Cluster,
) -> None:
    cluster = cluster_without_worker
    queued = await accepted(cluster, "echo", input={"text": "x"})
    pending = await accepted(cluster, "echo", input={"text": "x"}, delay=1.0)
    for task in (queued, pending):  # its end is in the log; what it waited with still is as well
        (first,) = await history(cluster, task["id"])
        withdrawn = None
        if isinstance(first.event, Queued):
            withdrawn = Withdrawn(sequence=first.sequence, at=first.at, queued=first.event)
        end = Finished(attempt=1, outcome=Outcome.CANCELLED, by="local", withdrawn=withdrawn)
        subject = f"hr.tasks.finished.echo.normal.local.{task['id']}"
        await cluster.log.appender.append(subject, encode(end), {})
    assert (await cancel(cluster, queued["id"])).json()["state"] == "cancelled"
    assert await names(cluster, queued["id"]) == ["finished"]
    await cluster.start("worker")
    await until(lambda: now() > instant(pending["due_at"]), "the timer to have fired")
    later = await accepted(cluster, "echo", input={"text": "y"}, delay=0.4)
    await cluster.outcome(later["id"])
    assert await timers(cluster, pending["id"]) == 0, "it has fired"
    for task in (queued, pending):
        assert (await in_state(cluster, task["id"], "cancelled"))["started_at"] is None
        assert calls(cluster, task["id"]) == 0
    await cluster.all_finished([queued["id"], pending["id"], later["id"]])


@pytest.mark.invariant(2)
@pytest.mark.invariant(7)
async def test_a_timer_that_fires_during_a_cancellation_leaves_the_task_cancelled_for_everybody(
    cluster: Cluster,
) -> None:
    key = secrets.token_hex(8)
    task = await accepted(cluster, "echo", key, input={"text": "x"}, delay=0.5)
    end = Finished(attempt=1, outcome=Outcome.CANCELLED, by="local")  # the API is about to take the timer away
    await cluster.log.appender.append(f"hr.tasks.finished.echo.normal.local.{task['id']}", encode(end), {})

    async def fired() -> bool:
        return await names(cluster, task["id"]) == ["deferred", "finished", "queued"]

    await until(fired, "the timer to fire")
    answers = {"again": await cancel(cluster, task["id"])}
    answers["same key"] = await ask(cluster, "echo", key, input={"text": "x"}, delay=0.5)
    said = {what: (answer.status_code, answer.json().get("state")) for what, answer in answers.items()}
    assert said == dict.fromkeys(("again", "same key"), (200, "cancelled"))
    assert (await in_state(cluster, task["id"], "cancelled"))["started_at"] is None
    assert calls(cluster, task["id"]) == 0
    assert (await cluster.http.post(f"/api/v1/tasks/{task['id']}/runs")).status_code == 202
    assert (await in_state(cluster, task["id"], "succeeded"))["attempt"] == 1
