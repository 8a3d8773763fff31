"""Kinds that run in processes: what would take a worker down, or its threads' time, ends as an outcome like any other."""

from __future__ import annotations

import os
import signal
from typing import Any

import psutil
import pytest

from headrace.contracts.events import Emitted, decode
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.waiting import until


async def test_a_process_kind_runs_in_a_process_with_the_same_context(cluster: Cluster) -> None:
    task = await cluster.submit("echo_in_process", text="hello")
    result = (await cluster.outcome(task["id"]))["result"]
    assert (result["text"], result["attempt"], result["in_main_thread"]) == ("hello", 1, True)
    worker = next(member for member in cluster.members if member.name == "worker")
    assert psutil.Process(result["pid"]).ppid() == worker.pid
    events = await cluster.events(f"hr.tasks.*.*.*.*.{task['id']}")
    assert {"progressed", "logged", "emitted"} <= {record.subject.split(".")[2] for record in events}


@pytest.mark.invariant(1)
@pytest.mark.parametrize(
    ("kind", "given", "code", "words"),
    [
        ("fail_in_process", {}, "raised", "Broken: no such thing as a free lunch"),
        ("exit_in_process", {}, "raised", "SystemExit: 3"),
        ("die_in_process", {}, "worker_lost", "The process that ran the task ended with exit code 9."),
        ("spin_in_process", {}, "timeout", "longer than its timeout of 0.5 s"),
        ("allocate", {"total": 1 << 30, "piece": 1 << 20}, "raised", "MemoryError"),
        ("lie_in_process", {}, "result_invalid", "returned str, not Counts as declared"),
    ],
)
async def test_a_process_kind_that_misbehaves_ends_as_failed_and_the_worker_lives_on(
    cluster: Cluster, kind: str, given: dict[str, int], code: str, words: str
) -> None:
    beside = await cluster.submit("wait", name=f"gate-{kind}")
    task = await cluster.submit(kind, **given)
    found = await cluster.outcome(task["id"])
    assert (found["state"], found["error"]["code"]) == ("failed", code)
    assert words in found["error"]["message"]
    assert (await cluster.finishes())[task["id"]] == 1

    cluster.open_gate(f"gate-{kind}")
    assert (await cluster.outcome(beside["id"]))["result"] == "opened"


async def test_a_traceback_from_a_process_shows_the_handlers_frames_only(cluster: Cluster) -> None:
    task = await cluster.submit("fail_in_process")
    trace = (await cluster.outcome(task["id"]))["error"]["traceback"]
    assert "tests/kinds/processes.py" in trace
    assert "free lunch" in trace
    assert "headrace/worker" not in trace


async def test_a_handler_in_a_process_that_takes_too_long_is_told_and_can_clean_up(cluster: Cluster) -> None:
    task = await cluster.submit("until_timed_out", name="cleaned-up")
    assert (await cluster.outcome(task["id"]))["error"]["code"] == "timeout"
    await until((cluster.place / "cleaned-up").exists, "the handler to clean up")


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
async def test_no_process_outlives_its_worker(make_cluster: MakeCluster, number: signal.Signals) -> None:
    cluster = await make_cluster(HEADRACE_WORKER_GRACE="0.2")
    _, worker, _ = await cluster.start("api", "worker", "projector")
    await cluster.until_kinds_known()
    idle = (await cluster.outcome((await cluster.submit("echo_in_process", text="x"))["id"]))["result"]["pid"]
    task = await cluster.submit("until_cancelled")
    await until(lambda: cluster.events(f"hr.tasks.emitted.*.*.*.{task['id']}"), "the handler to run")
    children = psutil.Process(worker.pid).children(recursive=True)
    assert len(children) >= 2
    assert idle in [child.pid for child in children]

    worker.signal(number)
    await worker.exited()
    await until(lambda: not [child for child in children if _runs(child)], "its processes to be gone")

    await cluster.start("worker")  # what ran is given to the next
    later = await until(lambda: _emitted_twice(cluster, task["id"]), "the task to run again")
    os.kill(later, signal.SIGKILL)
    assert (await cluster.outcome(task["id"]))["error"]["code"] == "worker_lost"


async def _emitted_twice(cluster: Cluster, task: str) -> int:
    """The pid of the second process that ran the task, or 0."""
    events = [decode(record.payload) for record in await cluster.events(f"hr.tasks.emitted.*.*.*.{task}")]
    pids: list[Any] = [chunk for event in events if isinstance(event, Emitted) for chunk in event.chunks]
    return pids[1] if len(pids) > 1 else 0


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
