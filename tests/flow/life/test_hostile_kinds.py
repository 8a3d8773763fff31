"""Handlers that misbehave: the task ends with a code and a sentence, the worker and its other tasks live on."""

from __future__ import annotations

import asyncio

import pytest

from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.waiting import until


@pytest.mark.invariant(1)
@pytest.mark.parametrize(
    ("kind", "code", "words"),
    [
        ("fail", "raised", "ValueError: no such thing as a free lunch"),
        ("hang", "timeout", "longer than its timeout of 0.3 s"),
        ("hang_in_thread", "timeout", "longer than its timeout of 0.3 s"),
        ("block", "timeout", "blocked its worker for longer than its timeout of 1.5 s"),
        ("spin", "timeout", "blocked its worker for longer than its timeout of 1.5 s"),
        ("block_below", "timeout", "longer than its timeout of 1.5 s"),
        ("unencodable", "result_invalid", "cannot be written as JSON"),
        ("pass_on", "result_invalid", "is not JSON"),
        ("pass_on_in_process", "result_invalid", "is not JSON"),
        ("leave_a_field_out", "result_invalid", "cannot be written as JSON: AttributeError"),
        ("stop_iteration", "raised", "StopIteration"),
        ("raise_the_unspeakable", "raised", "Unspeakable: (its message cannot be read)"),
        ("raise_the_unspeakable_in_process", "raised", "Unspeakable: (its message cannot be read)"),
        ("lie", "result_invalid", "returned str, not Counts as declared"),
    ],
)
async def test_a_handler_that_misbehaves_ends_as_failed_with_a_code_and_a_sentence(
    cluster: Cluster, kind: str, code: str, words: str
) -> None:
    beside = await cluster.submit("wait", name=f"gate-{kind}")
    task = await cluster.submit(kind)
    found = await cluster.outcome(task["id"])
    assert found["state"] == "failed"
    assert found["error"]["code"] == code
    assert words in found["error"]["message"]
    assert found["result"] is None
    assert (await cluster.finishes())[task["id"]] == 1
    assert len(await cluster.events(f"hr.tasks.started.*.*.*.{task['id']}")) == 1

    cluster.open_gate(f"gate-{kind}")  # what ran beside it in the same worker is as well as before
    assert (await cluster.outcome(beside["id"]))["result"] == "opened"
    assert cluster.calls().count((beside["id"], cluster.calls()[-1][1])) <= 1


async def test_a_traceback_shows_the_handlers_frames_and_not_the_workers(cluster: Cluster) -> None:
    task = await cluster.submit("fail")
    trace = (await cluster.outcome(task["id"]))["error"]["traceback"]
    assert "hostile.py" in trace
    assert "free lunch" in trace
    assert "headrace/worker" not in trace


@pytest.mark.invariant(1)
async def test_a_handler_that_swallows_its_cancellation_is_finished_without_it(cluster: Cluster) -> None:
    task = await cluster.submit("hang_on")
    found = await cluster.outcome(task["id"])
    assert (found["state"], found["error"]["code"]) == ("failed", "timeout")
    assert "did not stop when told to" in found["error"]["message"]


async def test_a_blocked_event_loop_is_reported_with_the_kind_and_the_line(cluster: Cluster) -> None:
    task = await cluster.submit("block")
    await cluster.outcome(task["id"])
    worker = next(member for member in cluster.members if member.name == "worker")
    said = await worker.until_logged(
        "a handler blocks the event loop; make it a plain function, which runs in a thread", kind="block"
    )
    assert "hostile.py" in said["where"]


async def test_a_plain_function_runs_in_a_thread_with_the_same_context(cluster: Cluster) -> None:
    task = await cluster.submit("echo_in_thread", text="hello")
    found = await cluster.outcome(task["id"])
    assert found["result"] == {"text": "hello", "attempt": 1, "thread": True}
    events = await cluster.events(f"hr.tasks.*.*.*.*.{task['id']}")
    assert {"progressed", "logged", "emitted"} <= {record.subject.split(".")[2] for record in events}


@pytest.mark.invariant(1)
@pytest.mark.invariant(3)
@pytest.mark.slow
async def test_a_task_that_kills_its_worker_ends_after_three_starts_and_takes_nobody_with_it(
    make_cluster: MakeCluster,
) -> None:
    cluster = await make_cluster(HEADRACE_STREAM_ACK_WAIT="1")
    await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    beside = await cluster.submit("wait", name="gate")
    poison = await cluster.submit("die")

    async def keep_a_worker() -> None:  # as a supervisor does
        while True:
            worker = next(member for member in reversed(cluster.members) if member.name == "worker")
            await worker.process.wait()
            await cluster.start("worker")

    supervisor = asyncio.create_task(keep_a_worker())
    try:
        await until(lambda: [task for task, _ in cluster.calls()].count(poison["id"]) == 2, "two workers to be killed")
        cluster.open_gate("gate")  # the third time, each of the two runs without the other; whichever is first
        found = await cluster.outcome(poison["id"])
        assert (found["state"], found["error"]["code"]) == ("failed", "worker_lost")
        assert "started 3 times" in found["error"]["message"]
        assert [task for task, _ in cluster.calls()].count(poison["id"]) == 3
        assert (await cluster.outcome(beside["id"]))["state"] == "succeeded"
        assert (await cluster.outcome((await cluster.submit("echo", text="still here"))["id"]))["state"] == "succeeded"
    finally:
        supervisor.cancel()
