"""The metrics of an API process."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from headrace.api.edge.request_metrics import RequestMetrics
from headrace.api.streaming.metrics import StreamMetrics
from headrace.metrics.families import counter_by, histogram_by
from headrace.metrics.series import CounterBy


class ApiMetrics:
    """What an API process counts.

    Attributes:
        requests: Requests, and refused submissions.
        submitted: Tasks that were accepted, those of batches included, by kind and priority.
        streams: Event streams.
    """

    def __init__(self) -> None:
        self.requests = RequestMetrics()
        self.submitted = CounterBy()
        self.streams = StreamMetrics()

    def collect(self) -> Iterator[Metric]:
        """Yield what is not about streams, see `headrace.api.streaming.metrics.StreamCollector`."""
        yield histogram_by(
            "http_server_request_duration_seconds",
            "From a request to the beginning of its answer",
            ("http_route", "http_request_method", "http_response_status_code"),
            self.requests.durations,
        )
        yield counter_by(
            "headrace_tasks_submitted",
            "Tasks that were accepted, those of batches included",
            ("kind", "priority"),
            self.submitted,
        )
        yield counter_by(
            "headrace_submissions_refused",
            "Requests to submit a task or a batch that were refused",
            ("error_code",),
            self.requests.refused,
        )
