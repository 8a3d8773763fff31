"""Attempts that fail and are made again: when, how often, what is seen meanwhile, and what a crash in between changes."""

from __future__ import annotations

import asyncio
import signal
from datetime import timedelta

import pytest

from headrace.contracts.events import Deferred, Finished, Queued, Started
from headrace.embedded.network import free_ports
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.flow.life_steps import accepted, called, calls, cancel, history, in_bulk, instant, now, read
from tests.sse import follow
from tests.waiting import until

LATE = timedelta(seconds=0.05)
BUSY = timedelta(seconds=0.5)  # what a test machine with other things to do may take
IN_ALL_WAYS = pytest.mark.parametrize("kind", ["flaky", "flaky_in_thread", "flaky_in_process"])


async def waits(cluster: Cluster, task: str) -> list[tuple[timedelta, timedelta]]:
    """For every retry of a task: how long it was to wait, and how late it was started then."""
    happened = await history(cluster, task)
    starts = {each.event.attempt: each.at for each in happened if isinstance(each.event, Started)}
    return [
        (each.event.due_at - each.at, starts[each.event.attempt] - each.event.due_at)
        for each in happened
        if isinstance(each.event, Deferred)
    ]


@IN_ALL_WAYS
async def test_a_failing_task_is_tried_again_as_its_backoff_says_until_it_succeeds(cluster: Cluster, kind: str) -> None:
    task = await accepted(cluster, kind, input={"steps": ["expected", "expected", "ok"]})
    found = await cluster.outcome(task["id"])
    assert (found["state"], found["result"], found["attempt"], found["error"]) == ("succeeded", 3, 3, None)
    for (waited, late), meant in zip(await waits(cluster, task["id"]), (0.05, 0.1), strict=True):
        assert timedelta(0) <= timedelta(seconds=meant) - waited < BUSY
        assert timedelta(0) <= late < BUSY


@pytest.mark.parametrize("after", [0.05, 0.3, 0.5, 1.2])
async def test_no_retry_starts_before_it_is_due(cluster: Cluster, after: float) -> None:
    assert min(await _late(cluster, after)) >= timedelta(0)


@pytest.mark.slow  # on a machine that is shared with other tests it is them that are measured
@pytest.mark.parametrize("after", [0.05, 0.3, 0.5, 1.2])
async def test_a_retry_usually_starts_within_50_ms_of_when_it_is_due(cluster: Cluster, after: float) -> None:
    late = await _late(cluster, after)
    assert sorted(late)[2] < LATE, late


async def _late(cluster: Cluster, after: float) -> list[timedelta]:
    """How late the second attempts of five tasks start."""
    steps = {"steps": ["retry", "ok"], "after": after}
    tasks = [await accepted(cluster, "flaky", input=steps) for _ in range(5)]
    late: list[timedelta] = []
    for task in tasks:
        assert (await cluster.outcome(task["id"]))["result"] == 2
        (waited, started_late), *more = await waits(cluster, task["id"])
        assert not more
        assert timedelta(0) <= timedelta(seconds=after) - waited < BUSY
        late.append(started_late)
    return late


@IN_ALL_WAYS
@pytest.mark.parametrize("way", ["retry", "returned"])
async def test_a_handler_asks_for_another_attempt_by_raising_or_returning_retry(
    cluster: Cluster, kind: str, way: str
) -> None:
    task = await accepted(cluster, kind, input={"steps": [way, "ok"], "after": 0})
    assert (await cluster.outcome(task["id"]))["result"] == 2
    (deferred,) = [each.event for each in await history(cluster, task["id"]) if isinstance(each.event, Deferred)]
    assert deferred.attempt == 2
    assert deferred.error is not None
    assert "asked in attempt 1" in deferred.error.message


async def test_a_handler_that_does_not_say_when_waits_as_its_backoff_says(cluster: Cluster) -> None:
    task = await accepted(cluster, "flaky", input={"steps": ["retry", "ok"]})
    await cluster.outcome(task["id"])
    ((waited, _),) = await waits(cluster, task["id"])
    assert timedelta(0) <= timedelta(seconds=0.05) - waited < BUSY


@pytest.mark.parametrize(
    ("first", "attempts"), [("expected", 3), ("unexpected", 1), ("unknown", 1), ("retry", 3), ("returned", 3)]
)
async def test_a_kind_says_what_is_worth_another_attempt(cluster: Cluster, first: str, attempts: int) -> None:
    task = await accepted(cluster, "choosy", input={"steps": [first]})
    found = await cluster.outcome(task["id"])
    assert (found["state"], found["attempt"], found["error"]["code"]) == ("failed", attempts, "raised")
    assert calls(cluster, task["id"]) == attempts


@pytest.mark.invariant(1)
@IN_ALL_WAYS
async def test_a_task_whose_attempts_are_used_up_fails_with_the_error_of_the_last(cluster: Cluster, kind: str) -> None:
    task = await accepted(cluster, kind, input={"steps": ["expected"]})
    found = await cluster.outcome(task["id"])
    assert (found["state"], found["attempt"]) == ("failed", 3)
    assert found["error"]["message"] == "Expected: failed in attempt 3"
    assert "retried.py" in found["error"]["traceback"]
    errors = [each.event.error for each in await history(cluster, task["id"]) if isinstance(each.event, Deferred)]
    assert [error.message for error in errors if error] == [
        "Expected: failed in attempt 1",
        "Expected: failed in attempt 2",
    ]


@IN_ALL_WAYS
@pytest.mark.parametrize("way", ["retry", "returned"])
async def test_a_handler_that_asks_for_another_attempt_in_its_last_one_fails_and_says_why(
    cluster: Cluster, kind: str, way: str
) -> None:
    task = await accepted(cluster, kind, input={"steps": ["expected", way], "after": 60}, max_attempts=2)
    found = await cluster.outcome(task["id"])
    assert (found["state"], found["attempt"], found["error"]["code"]) == ("failed", 2, "raised")
    assert found["error"]["message"].endswith("asked in attempt 2; but this was attempt 2 of 2")


async def test_an_attempt_that_takes_too_long_is_tried_again(cluster: Cluster) -> None:
    task = await accepted(cluster, "slow_at_first")
    assert (await cluster.outcome(task["id"]))["result"] == 2
    (deferred,) = [each.event for each in await history(cluster, task["id"]) if isinstance(each.event, Deferred)]
    assert deferred.error is not None
    assert deferred.error.code == "timeout"


@pytest.mark.parametrize("most", [1, 2, 5])
async def test_a_submission_says_how_many_attempts_it_wants(cluster: Cluster, most: int) -> None:
    task = await accepted(cluster, "flaky", input={"steps": ["retry"], "after": 0}, max_attempts=most)
    assert task["max_attempts"] == most
    found = await cluster.outcome(task["id"])
    assert (found["attempt"], found["max_attempts"]) == (most, most)
    assert calls(cluster, task["id"]) == most


async def test_a_task_that_waits_for_its_next_attempt_shows_when_and_why(cluster: Cluster) -> None:
    before = now()
    task = await accepted(cluster, "fail_for_a_minute", input={"steps": ["expected", "ok"]})
    async with follow(cluster.http, f"/api/v1/tasks/{task['id']}/events") as stream:
        queued, started, deferred = await stream.take(3)
        assert [queued.event, started.event, deferred.event] == ["queued", "started", "deferred"]
        assert deferred.data["attempt"] == 2
        assert deferred.data["error"]["message"] == "Expected: failed in attempt 1"
        assert "input" not in deferred.data

        found = await read(cluster, task["id"], at_least=deferred.id)
        assert (found["state"], found["attempt"], found["max_attempts"]) == ("pending", 2, 2)
        assert (found["error"]["code"], found["finished_at"]) == ("raised", None)
        assert found["due_at"] == deferred.data["due_at"]
        assert timedelta(seconds=60) <= instant(found["due_at"]) - before < timedelta(seconds=70)
        pending = (await cluster.http.get("/api/v1/tasks", params={"state": "pending"})).json()["items"]
        assert task["id"] in [item["id"] for item in pending]

        answer = await cancel(cluster, task["id"])
        assert (answer.status_code, answer.json()["state"]) == (200, "cancelled")
        assert [seen.event for seen in await stream.rest()] == ["finished"]
    timeline = (await cluster.http.get(f"/api/v1/tasks/{task['id']}/timeline")).json()["items"]
    assert timeline[2]["data"]["error"]["message"] == "Expected: failed in attempt 1"


@pytest.mark.slow
async def test_a_task_that_waits_for_its_next_attempt_holds_no_slot(make_cluster: MakeCluster) -> None:
    cluster = await make_cluster(HEADRACE_WORKER_SLOTS="8")
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    failing = {"steps": ["expected", "ok"]}
    tasks = await asyncio.gather(*(accepted(cluster, "fail_for_a_minute", input=failing) for _ in range(200)))

    async def all_wait() -> bool:
        return len(await cluster.events("hr.tasks.deferred.>")) == len(tasks)

    await until(all_wait, "all of them to wait")
    fresh = await accepted(cluster, "fail_for_a_minute", input={"steps": ["ok"]})
    assert (await cluster.outcome(fresh["id"], patience=5))["state"] == "succeeded"
    assert len(await cluster.events("hr.timers.>")) == len(tasks)

    done = await in_bulk(cluster, "cancellations", select={"state": ["pending"]}, per_second=500)
    assert (done["matched"], done["done"], done["remaining"]) == (200, 200, 0)
    assert await cluster.events("hr.timers.>") == []


@pytest.mark.invariant(2)
async def test_a_task_that_was_cancelled_while_it_failed_is_not_tried_again(cluster: Cluster) -> None:
    task = await accepted(cluster, "fails_when_cancelled", input={"name": "torn"})
    await called(cluster, task["id"])
    assert (await cancel(cluster, task["id"])).status_code == 200
    await until((cluster.place / "torn").exists, "the handler to fail")
    later = await accepted(cluster, "flaky", input={"steps": ["retry", "retry", "ok"], "after": 0.1})
    await cluster.outcome(later["id"])  # by then the other's retry would have run as well
    found = await read(cluster, task["id"])
    assert (found["state"], found["attempt"]) == ("cancelled", 1)
    assert calls(cluster, task["id"]) == 1
    assert (await cluster.finishes())[task["id"]] == 1


@pytest.mark.invariant(1)
@pytest.mark.invariant(3)
@pytest.mark.slow
async def test_a_worker_killed_anywhere_while_it_puts_a_task_off_leaves_exactly_one_next_attempt(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster(HEADRACE_STREAM_ACK_WAIT="1")
    await cluster.start("api")
    for after, point in (
        (0.05, "after-deferred:1"),  # it is put off for a moment, and not queued yet
        (0.05, "after-publish:2"),  # it is queued too
        (0.5, "after-timer:1"),  # and the timer fires before the task is delivered again
        (2.5, "after-timer:1"),  # and it is delivered again before the timer fires: this attempt is made once more
        (2.5, "after-deferred:1"),  # all is done but to acknowledge
    ):
        (port,) = free_ports(1)
        armed = {"HEADRACE_TEST_POINT": point, "HEADRACE_WORKER_OPS": f"127.0.0.1:{port}"}
        dying = await cluster.spawn_module("worker", "tests.faults.points", **armed)
        await cluster.until_ready(dying)
        await cluster.until_kinds_known()
        task = await accepted(cluster, "flaky", input={"steps": ["retry", "ok"], "after": after})
        assert await dying.exited() == -signal.SIGKILL, dying.last_lines()
        (worker,) = await cluster.start("worker")
        await cluster.all_finished([task["id"]])
        await until(lambda: nothing_waits(cluster), "nothing to be left that could start another attempt")
        happened = [each.event for each in await history(cluster, task["id"])]
        starts = [each.attempt for each in happened if isinstance(each, Started)]
        assert starts in ([1, 2], [1, 1, 2]), (after, point)
        assert len([each for each in happened if isinstance(each, Queued) and each.attempt == 2]) == 1, (after, point)
        (finished,) = [each for each in happened if isinstance(each, Finished)]
        assert (finished.outcome, finished.attempt) == ("succeeded", 2)
        await worker.stop()


async def nothing_waits(cluster: Cluster) -> bool:
    info = await cluster.log.jetstream.request("CONSUMER.INFO.HEADRACE.run-flaky-normal")
    return info["num_ack_pending"] == info["num_pending"] == 0 and not await cluster.events("hr.timers.>")
