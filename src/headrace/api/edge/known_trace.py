"""Where a request stands in a trace, for all that tell it on: what the request brings, or the span that it is recorded as."""

from __future__ import annotations

from typing import cast

from litestar.types import HTTPScope, Scope

from headrace.tracing.w3c import TraceContext

_KEY = "headrace_trace"


def note_trace(scope: Scope | HTTPScope, trace: TraceContext) -> None:
    """Note where a request stands."""
    scope["state"][_KEY] = trace


def known_trace(scope: Scope | HTTPScope) -> TraceContext | None:
    """Return where a request stands; None when it brings nothing and is not recorded."""
    return cast("TraceContext | None", scope["state"].get(_KEY))
