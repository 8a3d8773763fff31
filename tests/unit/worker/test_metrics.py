from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest

from headrace.contracts.tasks import FailureCode
from headrace.metrics.series import CounterBy
from headrace.worker.collector import WorkerCollector
from headrace.worker.left_overs import LeftOvers
from headrace.worker.loop_watch import LoopWatch
from headrace.worker.metrics import WorkerMetrics
from headrace.worker.outcomes import AttemptOutcome, Cancelled, Failed, Retrying, Succeeded
from headrace.worker.running_record import RunningRecord
from tests.unit.metrics.samples import samples_of
from tests.unit.worker.executions import execution

FAILED = Failed(FailureCode.RAISED, "ValueError: no")
RUNS = "messaging_process_duration_seconds"


def shown(metrics: WorkerMetrics, **parts: Any) -> dict[str, float]:
    """What a worker with these counters shows."""
    lanes, pools = parts.get("lanes", ()), parts.get("pools", {})
    return samples_of(WorkerCollector(metrics, lanes, pools, LeftOvers()))


@pytest.mark.parametrize(
    ("outcome", "labels"),
    [
        (Succeeded(b"1"), "echo:succeeded"),
        (FAILED, "raised:echo:failed"),
        (Failed(FailureCode.TIMEOUT, "late"), "timeout:echo:failed"),
        (Retrying(1.0, FAILED), "raised:echo:retried"),
        (Cancelled(), "echo:cancelled"),
    ],
)
async def test_an_attempt_is_recorded_with_its_outcome_and_the_code_of_its_error(
    outcome: AttemptOutcome, labels: str
) -> None:
    metrics, made = WorkerMetrics(), execution()
    made.note_handler_start()
    made.note_handler_end()
    metrics.record_start(made)
    metrics.record_outcome(made, outcome)
    found = shown(metrics)
    assert found[f"{RUNS}_count:{labels}"] == 1
    assert 0 <= found[f"{RUNS}_sum:{labels}"] < 60
    assert found["headrace_task_wait_seconds_count:echo:normal"] == 1
    retried = {name: value for name, value in found.items() if name.startswith("headrace_task_retries_total")}
    assert retried == ({"headrace_task_retries_total:raised:echo": 1} if isinstance(outcome, Retrying) else {})


async def test_an_attempt_that_ended_without_its_handler_is_recorded_too() -> None:
    metrics = WorkerMetrics()
    metrics.record_outcome(execution(), Failed(FailureCode.EXPIRED, "too late"))
    assert shown(metrics)[f"{RUNS}_sum:expired:echo:failed"] == 0
    assert shown(metrics)[f"{RUNS}_count:expired:echo:failed"] == 1


async def test_only_a_delivery_after_the_one_that_could_start_the_task_is_a_redelivery() -> None:
    metrics = WorkerMetrics()
    later = "2026-01-01T00:00:00Z"
    for made in (execution(), execution(delivered=2, due_at=later), execution(delivered=2), execution(delivered=3)):
        metrics.count_delivery(made)
    assert shown(metrics)["headrace_task_redeliveries_total:echo"] == 2


@pytest.fixture
def child() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.communicate(b"\n")


async def test_a_worker_shows_its_slots_and_what_its_handlers_processes_use(child: subprocess.Popen[bytes]) -> None:
    lanes = [SimpleNamespace(kind="echo", running=3, slots=64), SimpleNamespace(kind="resize", running=0, slots=2)]
    pools = {"resize": SimpleNamespace(pids=[child.pid, 2**22])}
    found = shown(WorkerMetrics(), lanes=lanes, pools=pools)
    assert (found["headrace_tasks_running:echo"], found["headrace_worker_slots:echo"]) == (3, 64)
    assert found["headrace_handler_processes:resize"] == 1, "one of them has ended"
    assert found["headrace_handler_processes_resident_memory_bytes:resize"] > 0
    assert found["headrace_handler_processes_cpu_seconds_total"] >= 0
    assert found["headrace_handlers_left_over"] == 0
    assert not any(name.startswith("headrace_handler_processes") for name in shown(WorkerMetrics()))


async def test_the_time_for_which_a_handler_blocks_the_loop_is_counted_once(monkeypatch: pytest.MonkeyPatch) -> None:
    blocked, made = CounterBy(), execution()
    watch = LoopWatch(lambda: [made], RunningRecord(None), blocked)
    monkeypatch.setattr(watch, "_find", lambda: made)
    monkeypatch.setattr(watch, "_report", lambda *_: None)
    began = cast("float", watch._answered)
    for seconds in (0.5, 1.25, 1.5, 3.0):
        watch.check(began + seconds)
    assert dict(blocked.items()) == {("echo",): pytest.approx(3.0)}
    watch._answered = began + 3.1
    watch.check(began + 3.2)
    watch.check(began + 5.1)
    assert dict(blocked.items()) == {("echo",): pytest.approx(5.0)}
