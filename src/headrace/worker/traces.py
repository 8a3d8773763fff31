"""Tracing attempts: a CONSUMER span around each, in which the handler runs, linked to the span in which its task was created."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, assert_never

from headrace.log import subjects
from headrace.tracing import active
from headrace.tracing.names import attempt_attributes
from headrace.tracing.w3c import CREATED_IN, TRACEPARENT, TRACESTATE, TraceContext
from headrace.worker.execution import Execution
from headrace.worker.outcomes import AttemptOutcome, Cancelled, Failed, Retrying, Succeeded

if TYPE_CHECKING:
    from headrace.tracing.tracer import Begun, Tracer


class Attempt:
    """The span of an attempt, if it is recorded."""

    def __init__(self, begun: Begun | None = None) -> None:
        self._begun = begun

    def note(self, outcome: AttemptOutcome) -> None:
        """Say how it ended. The message of an error is not said: a handler may have put its input there."""
        if self._begun is None:
            return
        match outcome:
            case Succeeded():
                ended = "succeeded"
            case Failed(code):
                ended = "failed"
                self._begun.fail(str(code))
            case Retrying(_, cause):
                ended = "retrying"
                self._begun.fail(str(cause.code))
            case Cancelled():
                ended = "cancelled"
            case _:
                assert_never(outcome)
        self._begun.span.set_attribute("headrace.task.outcome", ended)


_NOT_TRACED = nullcontext(Attempt())


def tracing(execution: Execution) -> AbstractContextManager[Attempt]:
    """Trace the attempt that the block makes. Records that it appends carry its context, and the one that created the task."""
    tracer = active.tracer()
    return _NOT_TRACED if tracer is None else _traced(tracer, execution)


@contextmanager
def _traced(tracer: Tracer, execution: Execution) -> Generator[Attempt]:
    before = TraceContext.of_record(execution.headers)
    if not tracer.sampling.decides(before):
        # Nor are the spans of libraries that the handler uses.
        with tracer.unrecorded(before):
            yield Attempt()
        return
    created = TraceContext.of_record({TRACEPARENT: execution.headers.get(CREATED_IN, "")})
    links = [each for each in (created, before) if each is not None]
    subject, queued = execution.subject, execution.queued
    attributes = attempt_attributes(
        subject.task, subject.kind, subject.priority, queued.attempt, len(execution.delivery.payload)
    )
    parent = before if _follows_at_once(execution) else None
    with tracer.consumer(f"process {subject.kind}", attributes, parent, links) as begun:
        execution.headers = _carried(execution.headers, begun.context, created or before)
        yield Attempt(begun)


def _follows_at_once(execution: Execution) -> bool:
    """Whether an attempt is what somebody waits for who has just submitted the task: it then is a part of their trace.

    The trace of any other would last for hours, or have a hundred thousand parts.
    """
    queued, headers = execution.queued, execution.headers
    return (
        queued.attempt == 1
        and queued.fence == 0
        and queued.due_at is None
        and execution.delivery.delivered == 1
        and subjects.BATCH not in headers
        and subjects.OF_SCHEDULE not in headers
    )


def _carried(headers: dict[str, str], own: TraceContext, created: TraceContext | None) -> dict[str, str]:
    carried = {name: value for name, value in headers.items() if name != TRACESTATE} | own.headers()
    return carried if created is None else carried | {CREATED_IN: created.traceparent}
