"""The spans of Headrace: SERVER for a request, PRODUCER for what it appends, CONSUMER for an attempt.

None of them has an owner, an input, a path as it was asked for, or the message of an error: each may hold what is nobody's business.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from contextlib import AbstractContextManager, contextmanager
from contextvars import Token
from typing import NamedTuple

import structlog
from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    Span,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TraceState,
)

from headrace.tracing.sampling import Sampling
from headrace.tracing.w3c import TraceContext, unsampled

Attributes = Mapping[str, str | int]


class Begun(NamedTuple):
    """A span that runs.

    Attributes:
        span: OpenTelemetry's.
        context: Where it stands, for headers and log lines.
    """

    span: Span
    context: TraceContext

    def fail(self, code: str) -> None:
        """Note that what it is about has failed."""
        self.span.set_attribute("error.type", code)
        self.span.set_status(Status(StatusCode.ERROR))


class Tracer:
    """Makes spans, each of which is recorded.

    Args:
        tracer: OpenTelemetry's, with a sampler that takes everything.
        sampling: Decides before a span is made.
    """

    def __init__(self, tracer: trace.Tracer, sampling: Sampling) -> None:
        self._tracer = tracer
        self.sampling = sampling

    def server(self, name: str, attributes: Attributes, parent: TraceContext | None) -> AbstractContextManager[Begun]:
        """Make a span for a request, as `_span`."""
        return self._span(name, SpanKind.SERVER, attributes, parent)

    def consumer(
        self, name: str, attributes: Attributes, parent: TraceContext | None, links: Iterable[TraceContext]
    ) -> AbstractContextManager[Begun]:
        """Make a span for an attempt, as `_span`."""
        return self._span(name, SpanKind.CONSUMER, attributes, parent, links)

    @contextmanager
    def _span(
        self,
        name: str,
        kind: SpanKind,
        attributes: Attributes,
        parent: TraceContext | None = None,
        links: Iterable[TraceContext] = (),
    ) -> Generator[Begun]:
        """Make a span for the duration of the block, in which further spans and log lines belong to it.

        Args:
            name: Its name, one of few.
            kind: Its kind.
            attributes: Its first attributes.
            parent: What it is a part of, in another process; None for the first span of a trace.
            links: What else it follows from.
        """
        within = contexts.Context()
        if parent is not None:
            within = trace.set_span_in_context(NonRecordingSpan(_span_context(parent)), within)
        linked = [Link(_span_context(each)) for each in links]
        span = self._tracer.start_span(name, within, kind, attributes, linked)
        begun = Begun(span, _described(span.get_span_context()))
        with _current(span), structlog.contextvars.bound_contextvars(**begun.context.log_fields()):
            try:
                yield begun
            finally:
                span.end()

    def producer(self, name: str, attributes: Attributes, parent: Begun) -> Begun:
        """Make a span for an append, which the caller ends, below that of its request."""
        within = trace.set_span_in_context(parent.span)
        span = self._tracer.start_span(name, within, SpanKind.PRODUCER, attributes)
        return Begun(span, _described(span.get_span_context()))

    @staticmethod
    def unrecorded(parent: TraceContext | None) -> AbstractContextManager[None]:
        """Have spans that libraries make in the block be recorded as little as what the block is about."""
        return _current(NonRecordingSpan(_span_context(parent or TraceContext(unsampled()))))


@contextmanager
def _current(span: Span) -> Generator[None]:
    token: Token[contexts.Context] = contexts.attach(trace.set_span_in_context(span))
    try:
        yield
    finally:
        contexts.detach(token)


def _span_context(of: TraceContext) -> SpanContext:
    state = TraceState.from_header([of.tracestate]) if of.tracestate else None
    flags = TraceFlags(TraceFlags.SAMPLED if of.is_sampled else TraceFlags.DEFAULT)
    return SpanContext(int(of.trace_id, 16), int(of.span_id, 16), is_remote=True, trace_flags=flags, trace_state=state)


def _described(context: SpanContext) -> TraceContext:
    parent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
    return TraceContext(parent, context.trace_state.to_header())
