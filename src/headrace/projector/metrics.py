"""What a projector counts, and how it shows that to Prometheus."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal, get_args

from prometheus_client.metrics_core import Metric

from headrace.contracts.tasks import State
from headrace.log import clock
from headrace.log.deliveries import Delivery
from headrace.metrics.families import counter, counter_by, gauge, histogram, histogram_by
from headrace.metrics.series import DELAY_SECONDS, REQUEST_SECONDS, TASK_SECONDS, CounterBy, Histogram, HistogramBy
from headrace.store.tables import TaskRow

PROJECTION_SECONDS = (*DELAY_SECONDS, 300.0, 900.0)  # a projector that was away has this to catch up with
LOG_LOST, LOG_SHORTENED = "log_lost", "log_shortened"
TIMER_OVERDUE, RUN_LOST, DELIVERY_LOST = "timer_overdue", "run_lost", "delivery_lost"

FiringResult = Literal["submitted", "skipped", "failed"]

_FINAL = frozenset(state.value for state in State if state.final)


class ProjectorMetrics:
    """The counters of one projector.

    Attributes:
        events: Events that were projected.
        delays: From the moment in which the log took the oldest event of a page to that in which the page is in the read model.
        pages: How long it took to fold and write a page.
        totals: From the acceptance of a task to its end, by kind and outcome; not of tasks that were run again.
        requeued: Tasks that were queued again because something was lost, by reason.
        firings: Firings of schedules, by what became of them.
    """

    def __init__(self) -> None:
        self.events = 0
        self.delays = Histogram(PROJECTION_SECONDS)
        self.pages = Histogram(REQUEST_SECONDS)
        self.totals = HistogramBy(TASK_SECONDS)
        self.requeued = CounterBy()
        # Prometheus sees a counter grow only if it was there before.
        for reason in (LOG_LOST, LOG_SHORTENED, TIMER_OVERDUE, RUN_LOST, DELIVERY_LOST):
            self.requeued.add((reason,), 0)
        self.firings: dict[FiringResult, int] = dict.fromkeys(get_args(FiringResult), 0)

    def record_page(self, page: Sequence[Delivery], seconds: float) -> None:
        """Record a page that was written within so many seconds."""
        self.events += len(page)
        self.pages.record(seconds)
        self.delays.record(max(0.0, (clock.now() - page[0].at).total_seconds()))

    def record_ends(self, rows: Iterable[TaskRow]) -> None:
        """Record how long tasks took that a page has ended."""
        for row in rows:
            # A task that is run again, which has a fence, was accepted long ago.
            if row.state in _FINAL and row.finished_at is not None and not row.fence:
                self.totals.record((row.kind, row.state), max(0.0, (row.finished_at - row.created_at).total_seconds()))


def show(metrics: ProjectorMetrics, *, is_leading: bool, lacks_migration: bool) -> Iterator[Metric]:
    """Yield what Prometheus is shown of a projector.

    Args:
        metrics: Its counters.
        is_leading: Whether it is the one that projects.
        lacks_migration: Whether the database is not at the revision that this version needs.
    """
    yield gauge("headrace_projector_leading", "Whether this projector is the one that projects", is_leading)
    yield gauge(
        "headrace_migration_pending",
        "Whether the database is not at the revision that this version needs",
        lacks_migration,
    )
    yield counter("headrace_projected_events", "Events that were projected into the read model", metrics.events)
    yield histogram(
        "headrace_projection_delay_seconds",
        "From the log to the read model, of a page's oldest event",
        metrics.delays,
    )
    yield histogram("headrace_projection_page_seconds", "To fold and write a page of up to 1,000 events", metrics.pages)
    yield histogram_by(
        "headrace_task_total_seconds",
        "From the acceptance of a task to its end, a wanted delay included; not of tasks that were run again",
        ("kind", "outcome"),
        metrics.totals,
    )
    yield counter_by(
        "headrace_requeued",
        "Tasks that were queued again because the log, a timer, a worker or a consumer had lost them",
        ("reason",),
        metrics.requeued,
    )
    yield counter_by(
        "headrace_schedule_firings",
        "Firings of schedules, by what became of them",
        ("result",),
        [((result,), count) for result, count in metrics.firings.items()],
    )
