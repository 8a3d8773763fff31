"""What a process knows of its own use of the log."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from prometheus_client.metrics_core import Metric

from headrace.log.connection import Log
from headrace.metrics.families import counter_by, gauge, histogram_by
from headrace.metrics.series import Histogram, HistogramBy, Labels

# The conventions of OpenTelemetry for messaging want both on each metric.
_PUBLISH = ("nats", "publish")
_LABELS = ("messaging_system", "messaging_operation_name")


class LogCollector:
    """Shows how the log is for this process, and what its appends take.

    Args:
        logs: The log, and whatever further connections to it the process has.
    """

    def __init__(self, *logs: Log) -> None:
        self._logs = logs

    def collect(self) -> Iterator[Metric]:
        """Yield all metrics with their present values."""
        is_available = all(log.is_connected and log.problem is None for log in self._logs)
        yield gauge("headrace_log_available", "Whether this process can append to the log", is_available)
        yield counter_by(
            "messaging_client_sent_messages",
            "Messages sent to be appended to the log",
            _LABELS,
            [(_PUBLISH, sum(log.appender.sent for log in self._logs))],
        )
        yield histogram_by(
            "messaging_client_operation_duration_seconds",
            "From an append to the answer of the log; error_type is empty when it was appended",
            (*_LABELS, "error_type"),
            (
                ((*_PUBLISH, *error), durations)
                for error, durations in _merged(log.appender.durations for log in self._logs)
            ),
        )


def _merged(all_of: Iterable[HistogramBy]) -> Iterable[tuple[Labels, Histogram]]:
    merged: dict[Labels, Histogram] = {}
    for labels, series in (each for several in all_of for each in several.items()):
        merged.setdefault(labels, Histogram(series.bounds)).include(series)
    return merged.items()
