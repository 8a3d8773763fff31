"""Cancelling: final as soon as it is answered, whatever the task was doing and whatever a worker still does."""

from __future__ import annotations

import asyncio
import random
import secrets
import signal
from datetime import timedelta
from typing import Any

import pytest

from headrace.contracts.events import Finished, Outcome, Queued, Withdrawn, encode
from headrace.log import subjects
from headrace.log.prune import purge
from tests.cluster import Cluster, until
from tests.conftest import MakeCluster
from tests.flow.life_steps import (
    accepted,
    ask,
    called,
    calls,
    cancel,
    history,
    in_bulk,
    in_state,
    instant,
    names,
    now,
    read,
    running,
    tables,
    timers,
)
from tests.flow.refused.test_bad_input import check_problem
from tests.sse import follow


async def with_no_worker(make_cluster: MakeCluster) -> Cluster:
    """A cluster that knows the kinds and has nobody to run them."""
    cluster = await make_cluster()
    _, worker, _ = await cluster.start("api", "worker", "projector")
    await cluster.knows_kinds()
    await worker.stop()
    return cluster


async def the_end(cluster: Cluster, task: str) -> Finished:
    """The one finish of a task."""
    (finished,) = [each.event for each in await history(cluster, task) if isinstance(each.event, Finished)]
    return finished


async def test_a_pending_task_is_cancelled_and_its_timer_with_it(cluster: Cluster) -> None:
    task = await accepted(cluster, "echo", input={"text": "x"}, delay=0.8)
    answer = await cancel(cluster, task["id"])
    assert answer.status_code == 200
    assert (answer.json()["state"], answer.json()["due_at"]) == ("cancelled", None)
    assert await timers(cluster, task["id"]) == 0
    found = await read(cluster, task["id"], at_least=answer.json()["position"])
    assert (found["state"], found["started_at"], found["error"], found["result"]) == ("cancelled", None, None, None)
    assert found["position"] == answer.json()["position"]
    assert (await the_end(cluster, task["id"])).by == "local"
    later = await accepted(cluster, "noop", run_at=(instant(task["due_at"]) + timedelta(seconds=0.3)).isoformat())
    await cluster.outcome(later["id"])
    assert await names(cluster, task["id"]) == ["deferred", "finished"]
    assert calls(cluster, task["id"]) == 0


async def test_a_queued_task_is_cancelled_and_no_worker_is_ever_given_it(make_cluster: MakeCluster) -> None:
    cluster = await with_no_worker(make_cluster)
    task = await accepted(cluster, "echo", input={"text": "x"})
    other = await accepted(cluster, "echo", input={"text": "y"})
    before = await read(cluster, task["id"], at_least=task["position"])
    answer = await cancel(cluster, task["id"])
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    assert await names(cluster, task["id"]) == ["finished"]
    end = await the_end(cluster, task["id"])
    assert end.withdrawn is not None
    assert f"-{end.withdrawn.sequence}" in task["position"]
    assert (end.withdrawn.queued.attempt, bytes(end.withdrawn.queued.input)) == (1, b'{"text":"x"}')

    after = await read(cluster, task["id"], at_least=answer.json()["position"])
    assert after["state"] == "cancelled"
    for same in ("created_at", "input", "priority", "max_attempts"):
        assert after[same] == before[same]
    shown = {name: value for name, value in after.items() if name not in ("input", "result")}
    assert answer.json() == shown, "the answer is the task as the read model has it a moment later"
    assert (await cancel(cluster, task["id"])).json() == shown

    await cluster.start("worker")
    assert (await cluster.outcome(other["id"]))["state"] == "succeeded"
    assert calls(cluster, task["id"]) == 0
    timeline = (await cluster.http.get(f"/api/v1/tasks/{task['id']}/timeline")).json()["items"]
    assert [entry["event"] for entry in timeline] == ["queued", "finished"]


@pytest.mark.parametrize(
    "kind",
    ["until_cancelled_async", "until_cancelled_in_thread", "until_cancelled_in_process", "swallows_cancellation"],
)
async def test_a_running_task_is_cancelled_and_its_handler_sees_it_and_cleans_up(cluster: Cluster, kind: str) -> None:
    task = await accepted(cluster, kind, input={"name": f"cleaned-{kind}"})
    async with follow(cluster.http, f"/api/v1/tasks/{task['id']}/events") as stream:
        await called(cluster, task["id"])
        answer = await cancel(cluster, task["id"])
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
        seen = await stream.rest()
    assert [each.event for each in seen] == ["queued", "started", "finished"]
    assert (seen[-1].data["outcome"], seen[-1].data["by"]) == ("cancelled", "local")
    await until((cluster.place / f"cleaned-{kind}").exists, "the handler to clean up", patience=3)
    found = await cluster.outcome(task["id"])
    assert (found["state"], found["result"]) == ("cancelled", None)
    assert (await the_end(cluster, task["id"])).outcome is Outcome.CANCELLED


@pytest.mark.slow
async def test_a_thread_that_does_not_look_is_stopped_after_a_grace(cluster: Cluster) -> None:
    task = await accepted(cluster, "ignores_cancellation", input={"name": "stopped"})
    await called(cluster, task["id"])
    assert (await cancel(cluster, task["id"])).status_code == 200
    await until((cluster.place / "stopped").exists, "the thread to be stopped", patience=10)
    assert (await cluster.outcome(task["id"]))["state"] == "cancelled"


async def test_a_process_kind_that_was_cancelled_while_its_process_started_is_stopped(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.knows_kinds()
    task = await accepted(cluster, "until_cancelled_in_process", input={"name": "stopped"})
    await running(cluster, task["id"])  # its start is said before there is a process
    assert (await cancel(cluster, task["id"])).json()["state"] == "cancelled"

    async def acknowledged() -> bool:
        info = await cluster.log.jetstream.request("CONSUMER.INFO.HEADRACE.run-until_cancelled_in_process-normal")
        return info["num_ack_pending"] == 0

    await until(acknowledged, "the worker to be done with it", patience=10)


@pytest.mark.invariant(2)
async def test_cancelling_again_changes_nothing(cluster: Cluster) -> None:
    task = await accepted(cluster, "until_cancelled_async", input={"name": "again"})
    await called(cluster, task["id"])
    answers = await asyncio.gather(*(cancel(cluster, task["id"]) for _ in range(10)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    await cluster.outcome(task["id"])
    assert (await cancel(cluster, task["id"])).text == answers[0].text
    assert (await names(cluster, task["id"])).count("finished") == 1


@pytest.mark.invariant(2)
@pytest.mark.parametrize(("kind", "state"), [("noop", "succeeded"), ("fail", "failed")])
async def test_a_task_that_ended_otherwise_cannot_be_cancelled(cluster: Cluster, kind: str, state: str) -> None:
    task = await accepted(cluster, kind)
    await cluster.outcome(task["id"])
    problem = check_problem(await cancel(cluster, task["id"]), 409, "task_finished")
    assert state in problem["message"]
    assert (await read(cluster, task["id"]))["state"] == state


async def test_whoever_waits_for_a_task_is_told_that_it_was_cancelled(cluster: Cluster) -> None:
    task = await accepted(cluster, "echo", input={"text": "x"}, delay=300)
    await read(cluster, task["id"], at_least=task["position"])
    waiting = asyncio.create_task(cluster.http.get(f"/api/v1/tasks/{task['id']}", params={"wait": 30}))
    await asyncio.sleep(0.05)  # whether it waits already or comes later, it must be told
    began = now()
    assert (await cancel(cluster, task["id"])).status_code == 200
    assert (await waiting).json()["state"] == "cancelled"
    assert now() - began < timedelta(seconds=5)


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
    ends = {
        record.subject.split(".")[-1]: await the_end(cluster, record.subject.split(".")[-1])
        for record in await cluster.events(f"hr.tasks.finished.{kind}.>")
    }
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
    await cluster.knows_kinds()
    task = await accepted(cluster, "until_cancelled_async", input={"name": "stopped-late"})
    await called(cluster, task["id"])
    end = Finished(attempt=1, outcome=Outcome.CANCELLED, by="local")  # as somebody cancels whose word is lost
    (start,) = await cluster.events("hr.tasks.started.>")
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


async def test_many_tasks_are_cancelled_by_what_they_have_in_common(make_cluster: MakeCluster) -> None:
    cluster = await with_no_worker(make_cluster)
    echoes = [await accepted(cluster, "echo", input={"text": str(n)}) for n in range(6)]
    noops = [await accepted(cluster, "noop") for _ in range(3)]
    waiting = [await accepted(cluster, "noop", delay=600) for _ in range(2)]

    dry = await in_bulk(cluster, "cancellations", select={}, dry_run=True)
    assert (dry["matched"], dry["done"]) == (11, 0)
    dry = await in_bulk(cluster, "cancellations", select={"kind": "echo"}, dry_run=True)
    assert (dry["matched"], dry["done"], dry["remaining"]) == (6, 0, 6)
    assert await cluster.finishes() == {}

    done = await in_bulk(cluster, "cancellations", select={"kind": "echo"}, limit=2)
    assert (done["matched"], done["done"], done["remaining"]) == (6, 2, 4)
    assert (await cluster.finishes()).keys() == {task["id"] for task in echoes[:2]}, "the oldest first"
    found = await read(cluster, echoes[1]["id"], at_least=done["position"])
    assert found["state"] == "cancelled"
    done = await in_bulk(cluster, "cancellations", select={"kind": "echo"})
    assert (done["matched"], done["done"], done["remaining"]) == (4, 4, 0)

    done = await in_bulk(cluster, "cancellations", select={"kind": "noop", "state": "pending"})
    assert done["done"] == 2
    assert {(await cluster.outcome(task["id"]))["state"] for task in waiting} == {"cancelled"}
    first = (await read(cluster, noops[1]["id"]))["created_at"]
    last = (await read(cluster, noops[2]["id"]))["created_at"]
    done = await in_bulk(cluster, "cancellations", select={"created_from": first, "created_before": last})
    assert done["done"] == 1
    assert (await cluster.outcome(noops[1]["id"]))["state"] == "cancelled"
    done = await in_bulk(cluster, "cancellations", select={})
    assert (done["matched"], done["done"]) == (2, 2)
    await cluster.all_finished([task["id"] for task in echoes + noops + waiting])


async def test_without_the_log_a_bulk_cancellation_says_when_to_come_back(make_cluster: MakeCluster) -> None:
    cluster = await with_no_worker(make_cluster)
    task = await accepted(cluster, "noop")
    await read(cluster, task["id"], at_least=task["position"])
    await cluster.nats.stop()
    answer = await cluster.http.post("/api/v1/cancellations", json={"select": {}})
    check_problem(answer, 503, "log_unavailable")
    check_problem(await cancel(cluster, task["id"]), 503, "log_unavailable")
    await cluster.nats.start()

    async def cancelled() -> bool:
        return (await cancel(cluster, task["id"])).status_code == 200

    await until(cancelled, "the log to be back")
    await cluster.all_finished([task["id"]])


@pytest.mark.invariant(1)
@pytest.mark.invariant(7)
async def test_a_cancellation_cut_off_before_it_cleared_away_is_completed_by_asking_again_or_by_whoever_looks(
    make_cluster: MakeCluster,
) -> None:
    cluster = await with_no_worker(make_cluster)
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
async def test_a_timer_that_fires_in_the_moment_of_a_cancellation_leaves_the_task_cancelled_for_everybody(
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


@pytest.mark.invariant(7)
async def test_the_read_model_made_again_from_what_is_left_in_the_log_is_the_same(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    _, worker, projector = await cluster.start("api", "worker", "projector")
    await cluster.knows_kinds()
    ran = await accepted(cluster, "flaky", input={"steps": ["retry", "ok"], "after": 0.01})
    stopped = await accepted(cluster, "until_cancelled_async", input={"name": "x"})
    await cluster.outcome(ran["id"])
    await called(cluster, stopped["id"])
    await cancel(cluster, stopped["id"])
    await worker.stop()
    headers = {"X-Correlation-Id": "click-7"}
    body: dict[str, Any] = {"kind": "noop", "input": {}, "priority": "high", "expires_in": 600}
    withdrawn = (await cluster.http.post("/api/v1/tasks", json=body, headers=headers)).json()
    waiting = await accepted(cluster, "noop", delay=600)
    dropped = await accepted(cluster, "noop", delay=600)
    for task in (withdrawn, dropped):
        await read(cluster, task["id"], at_least=task["position"])
        assert (await cancel(cluster, task["id"])).status_code == 200
    again = await cluster.http.post(f"/api/v1/tasks/{ran['id']}/runs")
    assert again.status_code == 202
    assert (await cancel(cluster, ran["id"])).status_code == 200  # withdrawn, in its second run
    before = await tables(cluster)
    assert {row["id"]: row["state"] for row in before[0]} == {
        **dict.fromkeys((ran["id"], stopped["id"], withdrawn["id"], dropped["id"]), "cancelled"),
        waiting["id"]: "pending",
    }
    await projector.stop()
    await cluster.rows("TRUNCATE tasks, task_events, projection")
    await cluster.start("projector")
    assert await tables(cluster) == before


@pytest.mark.invariant(2)
async def test_a_task_whose_events_have_left_the_log_is_cancelled_once_and_stays_what_it_was(
    make_cluster: MakeCluster,
) -> None:
    cluster, key = await make_cluster(), secrets.token_hex(8)
    await cluster.start("api", "worker", "projector")
    await cluster.knows_kinds()
    headers = {"X-Correlation-Id": "click-8", "Idempotency-Key": key}
    body: dict[str, Any] = {"kind": "noop", "input": {}, "delay": 600}
    task = (await cluster.http.post("/api/v1/tasks", json=body, headers=headers)).json()
    await read(cluster, task["id"], at_least=task["position"])
    (first,) = await cluster.events(subjects.all_of("local", task["id"]))
    await forget(cluster, task["id"])

    answer = await cancel(cluster, task["id"])
    assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
    (end,) = await cluster.events(subjects.all_of("local", task["id"]))
    carried = [{name: each.headers.get(name) for name in subjects.CARRIED} for each in (first, end)]
    assert carried[0] == carried[1]
    assert carried[0][subjects.CORRELATION_ID] == "click-8"
    assert await timers(cluster, task["id"]) == 0
    found = await read(cluster, task["id"], at_least=answer.json()["position"])
    del found["input"], found["result"]

    await forget(cluster, task["id"])
    for _ in range(2):
        again = await cancel(cluster, task["id"])
        assert (again.status_code, again.json()) == (200, found)
    assert await names(cluster, task["id"]) == []


@pytest.mark.invariant(2)
async def test_a_task_that_ended_otherwise_before_its_events_left_the_log_is_not_cancelled(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.knows_kinds()
    task = await accepted(cluster, "noop")
    await cluster.outcome(task["id"])
    await forget(cluster, task["id"])
    problem = check_problem(await cancel(cluster, task["id"]), 409, "task_finished")
    assert "succeeded since long" in problem["message"]
    assert problem["state"] == "succeeded"


async def forget(cluster: Cluster, task: str) -> None:
    """Take a task's events out of the log, as its retention does; its timer stays."""
    await purge(cluster.log, subjects.all_of("local", task))
