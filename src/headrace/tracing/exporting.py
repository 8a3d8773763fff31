"""OpenTelemetry's part in tracing: where spans go. A thread of its own exports them, so the event loop never waits for a collector.

Spans wait in a queue of bounded length (`OTEL_BSP_MAX_QUEUE_SIZE`); those that find it full, or that the collector does not take, are
lost. That is logged once for each reason, and counted.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Self

from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, SERVICE_VERSION, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.sampling import ALWAYS_ON

from headrace.repeated import RepeatedWarning
from headrace.telemetry import get_logger

FLUSH_SECONDS = 2.0  # at the end of a process; a collector that is away does not hold up a deployment

log = get_logger(__name__)


class Exporting:
    """Exports spans for as long as the process lives.

    Attributes:
        tracer: Makes spans, each of which is recorded: whether to make one is decided before.
    """

    def __init__(self, resource: Resource, exporter: SpanExporter) -> None:
        self._counted = _Counted(exporter)
        self._waiting = processor = _Bounded(self._counted)
        self._ours = TracerProvider(ALWAYS_ON, resource, shutdown_on_exit=False)
        self._ours.add_span_processor(processor)
        # Spans that the libraries of handlers make: their sampler, which OTEL_TRACES_SAMPLER names, sees our span as their parent.
        self._theirs = TracerProvider(resource=resource, shutdown_on_exit=False)
        self._theirs.add_span_processor(processor)
        self.tracer = self._ours.get_tracer("headrace", version("headrace"))

    @classmethod
    def start(cls, process: str, environ: Mapping[str, str]) -> Self:
        """Begin to export to where the ``OTEL_EXPORTER_OTLP_…`` variables say."""
        logger = logging.getLogger("opentelemetry")
        # What it logs again and again is said once instead.
        logger.propagate = False
        logger.handlers[:] = [_Said()]
        made = cls(_resource(process, environ), OTLPSpanExporter())
        trace.set_tracer_provider(made._theirs)
        return made

    @property
    def lost(self) -> int:
        """How many spans the collector did not take, or were pushed out of a full queue."""
        return self._counted.lost + self._waiting.pushed_out

    def stop(self) -> None:
        """Export what waits, for `FLUSH_SECONDS` at most."""
        flushing = threading.Thread(target=self._ours.shutdown, name="flush spans", daemon=True)
        flushing.start()
        flushing.join(FLUSH_SECONDS)
        if flushing.is_alive():
            log.warning("spans are lost: the collector did not take the last ones in time", seconds=FLUSH_SECONDS)


class _Counted(SpanExporter):
    """Counts the spans that another exporter could not export."""

    def __init__(self, exporter: SpanExporter) -> None:
        self._exporter = exporter
        self.taken = self.lost = 0

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """See `SpanExporter.export`."""
        self.taken += len(spans)
        result = self._exporter.export(spans)
        if result is SpanExportResult.SUCCESS:
            _failing.end()
        else:
            self.lost += len(spans)
        return result

    def shutdown(self) -> None:
        """See `SpanExporter.shutdown`."""
        self._exporter.shutdown()

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """See `SpanExporter.force_flush`."""
        return self._exporter.force_flush(timeout_millis)


class _Bounded(BatchSpanProcessor):
    """Counts the spans that a full queue pushes out, of which OpenTelemetry only says that there were some.

    Attributes:
        pushed_out: How many there were.
    """

    def __init__(self, counted: _Counted) -> None:
        super().__init__(counted, self._default_max_queue_size())
        self._counted = counted
        self._room = self._default_max_queue_size()
        self._ended = self.pushed_out = 0

    def on_end(self, span: ReadableSpan) -> None:
        """See `SpanProcessor.on_end`."""
        super().on_end(span)
        if span.context is None or not span.context.trace_flags.sampled:
            return
        self._ended += 1
        # Only a full queue pushes spans out, and then this is exact, but for those of one batch that is on its way to the exporter.
        self.pushed_out = max(self.pushed_out, self._ended - self._counted.taken - self._room)


_failing = RepeatedWarning(log, "spans cannot be exported; trying again with the next", "spans are exported again")


class _Said(logging.Handler):
    """Takes what OpenTelemetry logs: warnings once for each reason, nothing else."""

    def emit(self, record: logging.LogRecord) -> None:
        if record.levelno >= logging.WARNING:
            _failing.note(record.getMessage())


def _resource(process: str, environ: Mapping[str, str]) -> Resource:
    ours = {SERVICE_VERSION: version("headrace")}
    given = environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
    if not environ.get("OTEL_SERVICE_NAME") and f"{SERVICE_NAME}=" not in given:
        ours[SERVICE_NAME] = f"headrace-{process}"
    return Resource.create(ours)
