"""Kinds whose handlers do something that libraries trace, and fail with what must not be told."""

from __future__ import annotations

import msgspec
from opentelemetry import trace

from headrace.task import Backoff, Context, SyncContext, task

SHORT = Backoff(initial=0.05, factor=2, jitter=0)


class Secret(msgspec.Struct, frozen=True):
    secret: str = "-"
    fails: int = 0


def ask_somebody(input: Secret, attempt: int) -> str:
    """Do what a library does that has spans of its own."""
    if attempt <= input.fails:
        raise ValueError(f"cannot do {input.secret}")
    with trace.get_tracer("library").start_as_current_span("ask somebody") as span:
        return f"{span.get_span_context().trace_id:032x}"


@task(max_attempts=2, backoff=SHORT)
async def traced(input: Secret, context: Context) -> str:
    await context.progress(0.5, "half")
    return ask_somebody(input, context.attempt)


@task(max_attempts=2, backoff=SHORT)
def traced_in_thread(input: Secret, context: SyncContext) -> str:
    return ask_somebody(input, context.attempt)


@task(process=True)
def traced_in_process(input: Secret, context: SyncContext) -> str:
    return ask_somebody(input, context.attempt)
