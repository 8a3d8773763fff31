"""Running finished tasks again: under the same id, with their history kept."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta

import pytest

from headrace.contracts.events import Finished, Outcome, Queued, encode
from headrace.log.deliveries import Delivery
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.life_steps import (
    accepted,
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
    run_again,
    running,
    timers,
)
from tests.flow.problems import check_problem
from tests.sse import follow
from tests.waiting import until


async def finishes(cluster: Cluster, task: str, times: int) -> None:
    """Wait until a task has finished so often, and make sure that it has not more often."""

    async def there() -> bool:
        return (await cluster.finishes())[task] >= times

    await until(there, f"{task} to finish {times} times")
    assert (await cluster.finishes())[task] == times


@pytest.mark.parametrize(("kind", "state"), [("echo", "succeeded"), ("fail", "failed")])
async def test_a_finished_task_runs_again_under_its_id_with_its_history_kept(
    cluster: Cluster, kind: str, state: str
) -> None:
    given = {"text": "again"} if kind == "echo" else {}
    task = await accepted(cluster, kind, input=given, priority="high", max_attempts=1)
    first = await cluster.outcome(task["id"])
    answer = await run_again(cluster, task["id"])
    assert answer.status_code == 202
    assert answer.headers["Location"] == f"/api/v1/tasks/{task['id']}"
    for name, value in {"id": task["id"], "state": "queued", "attempt": 1, "priority": "high"}.items():
        assert answer.json()[name] == value
    assert (answer.json()["created_at"], answer.json()["finished_at"]) == (first["created_at"], None)

    await finishes(cluster, task["id"], 2)
    happened = await history(cluster, task["id"])
    assert [each.name for each in happened] == ["queued", "started", "finished"] * 2
    again = happened[3]
    assert isinstance(again.event, Queued)
    assert again.event.fence == happened[2].sequence
    assert again.event.max_attempts == 1
    assert answer.json()["position"].endswith(f"-{again.sequence}")

    found = await read(cluster, task["id"], at_least=f"{cluster.log.epoch}-{happened[-1].sequence}")
    assert (found["state"], found["input"], found["result"]) == (state, first["input"], first["result"])
    assert found["created_at"] == first["created_at"]
    assert instant(found["finished_at"]) > instant(first["finished_at"])
    timeline = (await cluster.http.get(f"/api/v1/tasks/{task['id']}/timeline")).json()["items"]
    assert [entry["event"] for entry in timeline] == ["queued", "started", "finished"] * 2
    told = (await cluster.http.get(f"/api/v1/tasks/{task['id']}/attempts")).json()
    assert [(each["run"], each["number"], each["end"]) for each in told["items"]] == [(1, 1, state), (2, 1, state)]
    assert (told["runs"], told["complete"], told["position"]) == (2, True, found["position"])
    assert (await cluster.http.get(f"/api/v1/tasks/{task['id']}/waiting")).json()["waiting"] is None


async def test_a_task_that_runs_again_shows_nothing_of_its_last_end(cluster: Cluster) -> None:
    task = await accepted(cluster, "wait", input={"name": "never-opened"})
    await called(cluster, task["id"])
    await cancel(cluster, task["id"])
    await in_state(cluster, task["id"], "cancelled")
    answer = await run_again(cluster, task["id"])
    assert answer.status_code == 202
    await called(cluster, task["id"], times=2)
    found = await in_state(cluster, task["id"], "running")
    assert (found["finished_at"], found["error"], found["result"]) == (None, None, None)
    assert (await cancel(cluster, task["id"])).json()["state"] == "cancelled"
    await finishes(cluster, task["id"], 2)


async def test_a_task_fails_as_often_in_its_second_run_as_in_its_first(cluster: Cluster) -> None:
    task = await accepted(cluster, "flaky", input={"steps": ["expected"]}, max_attempts=2)
    await cluster.outcome(task["id"])
    assert (await run_again(cluster, task["id"])).status_code == 202
    await finishes(cluster, task["id"], 2)
    assert calls(cluster, task["id"]) == 4
    ends = [each.event for each in await history(cluster, task["id"]) if isinstance(each.event, Finished)]
    assert [end.attempt for end in ends] == [2, 2]


async def test_a_follower_of_a_task_that_runs_again_sees_its_second_end(cluster: Cluster) -> None:
    task = await accepted(cluster, "noop")
    first = await cluster.outcome(task["id"])
    answer = await run_again(cluster, task["id"])
    async with follow(cluster.http, f"/api/v1/tasks/{task['id']}/events", after=first["position"]) as stream:
        seen = await stream.rest()
    assert [each.event for each in seen] == ["queued", "started", "finished"]
    assert seen[0].id == answer.json()["position"]


@pytest.mark.parametrize("when", [{}, {"delay": 600}], ids=["running", "pending"])
async def test_a_task_that_is_not_over_cannot_be_run_again(cluster: Cluster, when: dict[str, float]) -> None:
    task = await accepted(cluster, "wait", input={"name": "never-opened"}, **when)
    check_problem(await run_again(cluster, task["id"]), 409, "task_not_finished")
    await cancel(cluster, task["id"])


@pytest.mark.invariant(2)
async def test_many_requests_to_run_a_task_again_at_once_run_it_once(cluster: Cluster) -> None:
    task = await accepted(cluster, "wait", input={"name": "gate-runs"})
    await called(cluster, task["id"])
    await running(cluster, task["id"])
    await cancel(cluster, task["id"])
    answers = await asyncio.gather(*(run_again(cluster, task["id"]) for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {202: 1, 409: 19}
    for answer in answers:
        if answer.status_code == 409:
            check_problem(answer, 409, "task_not_finished")
    cluster.open_gate("gate-runs")
    await finishes(cluster, task["id"], 2)
    assert len([name for name in await names(cluster, task["id"]) if name == "queued"]) == 2


@pytest.mark.invariant(2)
async def test_running_a_task_again_while_it_is_cancelled_leaves_one_finish_a_run(cluster: Cluster) -> None:
    task = await accepted(cluster, "noop")
    await cluster.outcome(task["id"])
    for _ in range(10):
        again, cancelled = await asyncio.gather(run_again(cluster, task["id"]), cancel(cluster, task["id"]))
        assert again.status_code == 202
        assert cancelled.status_code in (200, 409)

        async def over() -> bool:  # a worker may still say that it started what was cancelled in that moment
            happened = [each.name for each in await history(cluster, task["id"]) if each.name != "started"]
            return happened[-1] == "finished"

        await until(over, "the run to be over")
    happened = await history(cluster, task["id"])
    assert len([each for each in happened if each.name == "finished"]) == 11
    fences = [0]
    for each in happened:
        waited = each.event.withdrawn if isinstance(each.event, Finished) else None
        if waited is not None:
            assert waited.queued.fence == fences[-1]
        if isinstance(each.event, Queued):
            assert each.event.fence == fences[-1]
        if each.name == "finished":
            fences.append(each.sequence)


async def test_a_task_that_was_cancelled_while_queued_runs_again_as_it_was_submitted(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    _, worker, _ = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    await worker.stop()
    task = await accepted(cluster, "echo", input={"text": "as submitted"}, priority="low", max_attempts=7)
    for _ in range(3):  # withdrawn each time
        cancelled = await cancel(cluster, task["id"])
        assert cancelled.json()["state"] == "cancelled"
        again = await run_again(cluster, task["id"])
        assert again.status_code == 202
        assert (again.json()["max_attempts"], again.json()["priority"]) == (7, "low")
        row = await read(cluster, task["id"], at_least=again.json()["position"])
        for answer in (cancelled, again):
            assert answer.json()["created_at"] == row["created_at"]
    await cluster.start("worker")
    found = await cluster.outcome(task["id"])
    assert (found["state"], found["result"]["text"], calls(cluster, task["id"])) == ("succeeded", "as submitted", 1)
    assert Counter(await names(cluster, task["id"])) == {"queued": 1, "started": 1, "finished": 4}
    timeline = (await cluster.http.get(f"/api/v1/tasks/{task['id']}/timeline")).json()["items"]
    assert [entry["event"] for entry in timeline] == ["queued", "finished"] * 3 + ["queued", "started", "finished"]


async def test_a_delayed_task_runs_again_at_once(cluster: Cluster) -> None:
    task = await accepted(cluster, "echo", input={"text": "x"}, delay=600, expires_in=900)
    await cancel(cluster, task["id"])
    assert (await run_again(cluster, task["id"])).json()["state"] == "queued"
    found = await in_state(cluster, task["id"], "succeeded")
    assert (found["due_at"], found["expires_at"]) == (None, None)


async def a_second_run_with_a_timer_of_the_first(cluster: Cluster) -> str:
    """A task that waits in its second run, after which the timer of its first has fired.

    As when the API dies right after it cancelled a pending task, and somebody runs the task again.
    """
    task = await accepted(cluster, "echo", input={"text": "x"}, delay=0.8)
    end = Finished(attempt=1, outcome=Outcome.CANCELLED, by="local")
    subject = f"hr.tasks.finished.echo.normal.local.{task['id']}"
    await cluster.log.appender.append(subject, encode(end), {})
    assert (await run_again(cluster, task["id"])).status_code == 202

    async def gone() -> bool:
        return not await timers(cluster, task["id"])

    await until(gone, "its first timer to have fired, unless it was taken away")
    return task["id"]


@pytest.mark.invariant(2)
@pytest.mark.slow
async def test_a_timer_of_a_run_that_is_over_does_not_keep_the_next_from_being_cancelled(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster()
    _, worker, _ = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    await worker.stop()
    task = await a_second_run_with_a_timer_of_the_first(cluster)
    answer = await cancel(cluster, task)
    assert answer.status_code == 200, answer.text
    await cluster.start("worker")
    await cluster.outcome((await cluster.submit("echo", text="last"))["id"])
    assert calls(cluster, task) == 0
    assert (await in_state(cluster, task, "cancelled"))["started_at"] is None


@pytest.mark.invariant(2)
@pytest.mark.slow
async def test_a_timer_of_a_run_that_is_over_does_not_end_the_next_when_a_worker_is_lost(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster(HEADRACE_STREAM_ACK_WAIT="1")
    _, worker, _ = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    await worker.stop()
    task = await a_second_run_with_a_timer_of_the_first(cluster)
    taken: list[Delivery] = []  # by a worker that dies at once
    lost = cluster.log.puller("run-echo-normal", taken.append, lambda _: None)
    await lost.open()
    await lost.pull(1)
    await until(lambda: taken, "the task to be delivered")
    await lost.close()
    await cluster.start("worker")
    found = await in_state(cluster, task, "succeeded")
    assert (found["result"]["text"], calls(cluster, task)) == ("x", 1)


@pytest.mark.slow
async def test_many_tasks_run_again_by_what_they_have_in_common(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster()
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    failed = [await accepted(cluster, "fail") for _ in range(5)]
    late = [await accepted(cluster, "hang") for _ in range(2)]
    done = [await accepted(cluster, "noop") for _ in range(3)]
    waiting = await accepted(cluster, "noop", delay=600)
    ids = [task["id"] for task in failed + late + done]
    await cluster.all_finished(ids)

    dry = await in_bulk(cluster, "runs", select={}, dry_run=True)
    assert (dry["matched"], dry["done"], dry["remaining"]) == (10, 0, 10)
    dry = await in_bulk(cluster, "runs", select={"code": ["timeout"]}, dry_run=True)
    assert dry["matched"] == 2
    dry = await in_bulk(cluster, "runs", select={"state": ["failed"], "kind": ["fail"]}, dry_run=True)
    assert dry["matched"] == 5
    moment = (await read(cluster, done[-1]["id"]))["finished_at"]
    dry = await in_bulk(cluster, "runs", select={"kind": ["noop"], "finished_from": moment}, dry_run=True)
    assert dry["matched"] >= 1
    dry = await in_bulk(cluster, "runs", select={"kind": ["noop"], "finished_before": moment}, dry_run=True)
    assert dry["matched"] <= 2
    assert (await cluster.finishes()).total() == 10, "nothing was run"

    part = await in_bulk(cluster, "runs", select={"code": ["raised"]}, limit=2)
    assert (part["matched"], part["done"], part["remaining"]) == (5, 2, 3)
    for task in failed[:2]:
        await finishes(cluster, task["id"], 2)
    # Those that have failed again are left out by who repeats it.
    rest = {"code": ["raised"], "finished_before": part["at"]}
    dry = await in_bulk(cluster, "runs", select=rest, limit=2, dry_run=True)
    assert (dry["matched"], dry["remaining"]) == (3, 3)
    began = now()
    paced = await in_bulk(cluster, "runs", select={"state": ["succeeded"]}, per_second=5)
    assert now() - began >= timedelta(seconds=0.4), "three at five a second"
    assert (paced["matched"], paced["done"], paced["remaining"]) == (3, 3, 0)
    for task in done:
        await finishes(cluster, task["id"], 2)
    assert (await read(cluster, waiting["id"]))["state"] == "pending"


async def test_a_bulk_run_that_is_more_than_one_request_can_do_at_its_pace_says_what_remains(cluster: Cluster) -> None:
    tasks = [await accepted(cluster, "lie") for _ in range(3)]
    await cluster.all_finished([task["id"] for task in tasks])
    done = await in_bulk(cluster, "runs", select={"kind": ["lie"]}, per_second=0.04)
    assert done["matched"] >= 3
    assert (done["done"], done["remaining"]) == (1, done["matched"] - 1)
    found = await read(cluster, tasks[0]["id"], at_least=done["position"])
    assert found["kind"] == "lie"
