"""What a worker counts of its tasks. Each call costs about a microsecond, on the way of every task."""

from __future__ import annotations

from collections.abc import Iterable
from typing import assert_never

from headrace.metrics.series import TASK_SECONDS, CounterBy, HistogramBy
from headrace.worker.execution import Execution
from headrace.worker.outcomes import AttemptOutcome, Cancelled, Failed, Retrying, Succeeded


class WorkerMetrics:
    """The counters of one worker. The first label of each is the kind.

    Args:
        kinds: The names of its kinds.

    Attributes:
        runs: How long handlers ran, by outcome and error code; 0 for an attempt that ended without a call of its handler.
        waits: How long tasks were runnable before their handler was called, by priority.
        retries: Attempts that failed and are followed by another one, by error code.
        redeliveries: Deliveries of tasks that a worker had been given before.
        blocked: Seconds for which a handler kept the event loop from everything else, of more than one at a time.
    """

    def __init__(self, kinds: Iterable[str] = ()) -> None:
        self.runs = HistogramBy(TASK_SECONDS)
        self.waits = HistogramBy(TASK_SECONDS)
        self.retries = CounterBy()
        self.redeliveries = CounterBy()
        self.blocked = CounterBy()
        # Prometheus sees a counter grow only if it was there before.
        for kind in kinds:
            self.redeliveries.add((kind,), 0)
            self.blocked.add((kind,), 0)

    def count_delivery(self, execution: Execution) -> None:
        """Count a delivery if it is not the first that could start its task."""
        if execution.delivery.delivered > execution.first_start_delivery:
            self.redeliveries.add((execution.kind.name,))

    def record_start(self, execution: Execution) -> None:
        """Record how long a task waited whose handler is about to be called."""
        assert execution.queued_seconds is not None
        self.waits.record((execution.kind.name, execution.subject.priority), execution.queued_seconds)

    def record_outcome(self, execution: Execution, outcome: AttemptOutcome) -> None:
        """Record how an attempt ended, and how long its handler ran."""
        kind, seconds = execution.kind.name, execution.run_seconds or 0.0
        match outcome:
            case Succeeded():
                self.runs.record((kind, "succeeded", ""), seconds)
            case Failed(code):
                self.runs.record((kind, "failed", code), seconds)
            case Retrying(_, cause):
                self.runs.record((kind, "retried", cause.code), seconds)
                self.retries.add((kind, cause.code))
            case Cancelled():
                self.runs.record((kind, "cancelled", ""), seconds)
            case _:
                assert_never(outcome)
