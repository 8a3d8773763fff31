"""Which requests are recorded, what the records of the others carry, and what log lines say."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

import pytest
import structlog
from litestar.types import Receive, Scope, Send
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from headrace.api.edge.traces import publishing, trace_requests
from headrace.errors import LogUnavailable
from headrace.tracing import active
from headrace.tracing.exporting import Exporting
from headrace.tracing.names import Published
from headrace.tracing.sampling import Sampling
from headrace.tracing.tracer import Tracer
from tests.unit.api.edge.asgi import answer, answering, correlated

CLICK = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
UNSAMPLED = CLICK[:-1] + "0"
PUBLISHED = Published("thumbnail", "normal", "t-1", 10)


@pytest.fixture
def exported(monkeypatch: pytest.MonkeyPatch) -> Generator[InMemorySpanExporter]:
    """What is exported by a process that records whatever its caller leaves open."""
    exporter = InMemorySpanExporter()
    exporting = Exporting(Resource.get_empty(), exporter)
    exporting._ours.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(active._Active, "tracer", Tracer(exporting.tracer, Sampling(follows_parent=True, ratio=1.0)))
    yield exporter
    monkeypatch.undo()
    exporting.stop()
    structlog.contextvars.clear_contextvars()


async def submit(
    path: str = "/api/v1/tasks", method: str = "POST", **headers: str
) -> tuple[dict[str, str], dict[str, Any]]:
    """What the records of a submission carry, and what its log lines do."""
    carried: dict[str, str] = {}
    bound: dict[str, Any] = {}

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        with publishing(scope, PUBLISHED) as given:
            carried.update(given)
            bound.update(structlog.contextvars.get_contextvars())
        await answering(202)(scope, receive, send)

    await answer(correlated(trace_requests(app, active.tracer())), method, path, headers.items())
    return carried, bound


@pytest.mark.parametrize("trace", [None, CLICK])
async def test_what_is_appended_carries_the_span_of_the_append_and_log_lines_that_of_the_request(
    exported: InMemorySpanExporter, trace: str | None
) -> None:
    carried, bound = await submit(**({"traceparent": trace, "tracestate": "a=1"} if trace else {}))
    producer, server = exported.get_finished_spans()[:2]
    place, parent = producer.get_span_context(), server.get_span_context()
    assert place is not None
    assert parent is not None
    assert carried["traceparent"] == f"00-{place.trace_id:032x}-{place.span_id:016x}-{place.trace_flags:02x}"
    assert place.trace_flags.sampled
    assert carried.get("tracestate") == ("a=1" if trace else None)
    assert bound["trace_id"] == f"{parent.trace_id:032x}" == carried["traceparent"][3:35]
    assert bound["span_id"] == f"{parent.span_id:016x}"
    if trace:
        assert bound["trace_id"] == trace[3:35]


async def test_a_caller_who_does_not_record_is_followed(exported: InMemorySpanExporter) -> None:
    carried, bound = await submit(traceparent=UNSAMPLED)
    assert exported.get_finished_spans() == ()
    assert carried["traceparent"] == UNSAMPLED
    assert (bound["trace_id"], bound["span_id"]) == (UNSAMPLED[3:35], UNSAMPLED[36:52])


async def test_what_the_sampler_leaves_out_is_marked_so_that_nobody_decides_anew(
    exported: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
) -> None:
    tracer = active.tracer()
    assert tracer is not None
    monkeypatch.setattr(tracer, "sampling", Sampling(follows_parent=True, ratio=0.0))
    carried, _ = await submit()
    assert carried["traceparent"].endswith("-00")
    assert exported.get_finished_spans() == ()


async def test_health_checks_are_no_traces_and_a_made_up_method_is_no_name(exported: InMemorySpanExporter) -> None:
    await submit("/health/ready", "GET")
    assert exported.get_finished_spans() == ()
    await submit(method="CANARY")
    assert "CANARY" not in str([span.to_json() for span in exported.get_finished_spans()])


async def test_only_a_failure_of_ours_makes_a_failed_span(exported: InMemorySpanExporter) -> None:
    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        with pytest.raises(LogUnavailable), publishing(scope, PUBLISHED):
            raise LogUnavailable("canary")
        await answering(503)(scope, receive, send)

    for app in (failing, answering(422)):
        await answer(correlated(trace_requests(app, active.tracer())), "POST", "/api/v1/tasks")
    spans = {str(span.attributes and dict(span.attributes)): span for span in exported.get_finished_spans()}
    failed = [span for span in spans.values() if not span.status.is_ok and span.status.status_code.name == "ERROR"]
    assert sorted(str((span.attributes or {})["error.type"]) for span in failed) == ["503", "log_unavailable"]
    assert "canary" not in str([span.to_json() for span in exported.get_finished_spans()])


async def test_a_process_that_does_not_trace_carries_what_came_in_and_logs_it() -> None:
    carried, bound = await submit(traceparent=CLICK, tracestate="a=1")
    assert (carried["traceparent"], carried["tracestate"]) == (CLICK, "a=1")
    assert bound["trace_id"] == CLICK[3:35]
    assert "traceparent" not in (await submit())[0]
    structlog.contextvars.clear_contextvars()
