"""How a worker shows its counters, its slots and the processes of its handlers to Prometheus."""

from __future__ import annotations

import resource
from collections.abc import Iterator, Mapping, Sequence

import psutil
from prometheus_client.metrics_core import Metric

from headrace.metrics.families import counter, counter_by, gauge, gauge_by, histogram_by
from headrace.worker.lanes import Lanes
from headrace.worker.left_overs import LeftOvers
from headrace.worker.metrics import WorkerMetrics
from headrace.worker.process_pool import ProcessPool

# The conventions of OpenTelemetry for messaging want both on each metric.
_PROCESS = ("nats", "process")


class WorkerCollector:
    """Shows a worker.

    Args:
        metrics: Its counters.
        lanes: The lanes of each of its kinds.
        pools: The processes of its kinds that have some, by kind.
        left_overs: The handlers that go on although their task has ended.
    """

    def __init__(
        self,
        metrics: WorkerMetrics,
        lanes: Sequence[Lanes],
        pools: Mapping[str, ProcessPool],
        left_overs: LeftOvers,
    ) -> None:
        self._metrics = metrics
        self._lanes = lanes
        self._pools = pools
        self._left_overs = left_overs

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics with their present values."""
        yield from self._tasks()
        yield from self._slots()
        if self._pools:
            yield from self._processes()

    def _tasks(self) -> Iterator[Metric]:
        metrics = self._metrics
        yield histogram_by(
            "messaging_process_duration_seconds",
            "How long handlers ran; 0 for an attempt that ended without a call of its handler",
            ("messaging_system", "messaging_operation_name", "headrace_kind", "outcome", "error_type"),
            (((*_PROCESS, *labels), series) for labels, series in metrics.runs.items()),
        )
        yield histogram_by(
            "headrace_task_wait_seconds",
            "How long tasks were runnable before their handler was called",
            ("kind", "priority"),
            metrics.waits,
        )
        yield counter_by(
            "headrace_task_retries",
            "Attempts that failed and are followed by another one",
            ("kind", "error_type"),
            metrics.retries,
        )
        yield counter_by(
            "headrace_task_redeliveries",
            "Deliveries of tasks that a worker had been given before",
            ("kind",),
            metrics.redeliveries,
        )
        yield counter_by(
            "headrace_loop_blocked_seconds",
            "Time for which a handler kept the event loop from everything else, of more than a second at a time",
            ("kind",),
            metrics.blocked,
        )

    def _slots(self) -> Iterator[Metric]:
        running = [((lanes.kind,), lanes.running) for lanes in self._lanes]
        yield gauge_by("headrace_tasks_running", "Slots that are taken by tasks", ("kind",), running)
        slots = [((lanes.kind,), lanes.slots) for lanes in self._lanes]
        yield gauge_by("headrace_worker_slots", "Tasks that this worker runs at a time, at most", ("kind",), slots)
        yield gauge(
            "headrace_handlers_left_over",
            "Handlers that go on although their task has ended",
            len(self._left_overs),
        )

    def _processes(self) -> Iterator[Metric]:
        children = {kind: _found(pool) for kind, pool in self._pools.items()}
        yield gauge_by(
            "headrace_handler_processes",
            "Processes in which handlers run",
            ("kind",),
            (((kind,), len(found)) for kind, found in children.items()),
        )
        yield gauge_by(
            "headrace_handler_processes_resident_memory_bytes",
            "Resident memory of the processes in which handlers run",
            ("kind",),
            (((kind,), sum(memory for memory, _ in found)) for kind, found in children.items()),
        )
        ended = resource.getrusage(resource.RUSAGE_CHILDREN)
        alive = sum(cpu for found in children.values() for _, cpu in found)
        yield counter(
            "headrace_handler_processes_cpu_seconds",
            "User and system CPU time of the processes in which handlers run, and of those that have ended",
            ended.ru_utime + ended.ru_stime + alive,
        )


def _found(pool: ProcessPool) -> list[tuple[int, float]]:
    """The resident memory in bytes and the CPU time in seconds of each process of a pool that is still there."""
    found: list[tuple[int, float]] = []
    for pid in pool.pids:
        try:
            process = psutil.Process(pid)
            times = process.cpu_times()
            found.append((process.memory_info().rss, times.user + times.system))
        except psutil.Error:
            # It has ended meanwhile.
            continue
    return found
