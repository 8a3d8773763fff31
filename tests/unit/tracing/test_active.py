from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Generator, Sequence
from typing import Any

import pytest
import structlog
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from headrace import error_reports, observed
from headrace.error_reports import ReportingError
from headrace.tracing import active
from headrace.tracing.active import TracingError, start_tracing, stop_tracing
from headrace.tracing.exporting import FLUSH_SECONDS, Exporting
from tests.collector import collector

OFF: list[dict[str, str]] = [
    {},
    {"OTEL_EXPORTER_OTLP_ENDPOINT": ""},
    {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_SDK_DISABLED": "true"},
    {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_TRACES_EXPORTER": "none"},
]
IMPORTED = """
import sys
import headrace.api.server, headrace.worker.main, headrace.projector.project
from headrace.observed import observed
with observed("api"):
    pass
print([each for each in sys.modules if each.partition(".")[0] in ("opentelemetry", "sentry_sdk", "requests")])
"""


@pytest.fixture(autouse=True)
def off() -> Generator[None]:
    yield
    stop_tracing()
    structlog.contextvars.clear_contextvars()


def test_nothing_of_opentelemetry_or_sentry_is_imported_by_a_process_that_is_not_told_where_to_send() -> None:
    done = subprocess.run([sys.executable, "-c", IMPORTED], capture_output=True, text=True, check=True, env={})
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("environ", OFF)
def test_a_process_traces_only_when_it_is_told_where_to_send(environ: dict[str, str]) -> None:
    start_tracing("api", environ)
    assert active.tracer() is None


def test_a_protocol_that_is_not_there_is_refused_at_the_start() -> None:
    asked = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}
    with pytest.raises(TracingError, match="spans are sent as http/protobuf alone, not as grpc"):
        start_tracing("api", asked)


def test_a_missing_extra_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("headrace.tracing.exporting", "headrace.tracing.tracer"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "opentelemetry", None)
    monkeypatch.setitem(sys.modules, "sentry_sdk", None)
    with pytest.raises(TracingError, match=r"OTEL_EXPORTER_OTLP_ENDPOINT is set .* install headrace\[tracing\]"):
        start_tracing("api", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:1"})
    with pytest.raises(ReportingError, match=r"SENTRY_DSN is set .* install headrace\[sentry\]"):
        error_reports.start("api", {"SENTRY_DSN": "http://k@127.0.0.1:1/1"})


def test_an_address_of_sentry_that_is_none_is_refused_and_not_shown() -> None:
    with pytest.raises(ReportingError) as caught:
        error_reports.start("api", {"SENTRY_DSN": "http://hunter2"})
    assert "hunter2" not in caught.value.message
    assert "SENTRY_DSN is no address" in caught.value.message


def test_a_collector_that_is_away_is_told_once_counted_and_does_not_hold_up_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    noted = list[Any]()
    with collector() as collected:
        collected.status = 400
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collected.url)
        start_tracing("api")
        from headrace.tracing import exporting

        monkeypatch.setattr(exporting._failing, "note", lambda reason, **_: noted.append(reason))
        tracer, started = active.tracer(), active._Active.exporting
        assert tracer is not None
        assert started is not None
        for _ in range(3):
            with tracer.server("GET", {}, None):
                pass
        began = time.monotonic()
        stop_tracing()
        assert time.monotonic() - began < FLUSH_SECONDS + 1
        assert started.lost == 3
    assert noted
    assert active.tracer() is None


def test_spans_that_a_full_queue_pushes_out_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_BSP_MAX_QUEUE_SIZE", "8")
    monkeypatch.setenv("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "4")
    asked, answers, exported = threading.Event(), threading.Event(), list[ReadableSpan]()

    class Hanging(SpanExporter):
        def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
            asked.set()
            assert answers.wait(10)
            exported.extend(spans)
            return SpanExportResult.SUCCESS

    exporting = Exporting(Resource.create(), Hanging())
    try:
        for _ in range(4):
            exporting.tracer.start_span("first").end()
        assert asked.wait(10)
        for _ in range(96):
            exporting.tracer.start_span("later").end()
        assert exporting.lost == 88
    finally:
        answers.set()
        exporting.stop()
    assert len(exported) + exporting.lost == 100


def test_the_last_spans_and_the_last_reports_are_sent_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    both = threading.Barrier(2, timeout=5)
    passed = list[int]()
    for module, name in ((observed, "stop_tracing"), (error_reports, "stop")):
        monkeypatch.setattr(module, name, lambda: passed.append(both.wait()))
    observed.send_what_waits()
    assert sorted(passed) == [0, 1]
