"""Tracing requests: a SERVER span for each, and a PRODUCER span for what it appends, whose context the records carry.

A request that is not recorded pays for the decision and nothing more.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, cast

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from headrace.api.edge.access_log import route_of
from headrace.api.edge.correlation import carried_headers
from headrace.api.edge.known_trace import known_trace, note_trace
from headrace.errors import HeadraceError
from headrace.tracing import active
from headrace.tracing.names import PUBLISH, Published
from headrace.tracing.w3c import TRACEPARENT, TRACESTATE, unsampled

if TYPE_CHECKING:
    from headrace.tracing.tracer import Begun, Tracer

_KEY = "headrace_span"
_NOT_TRACED = "/health/"  # asked every few seconds, for as long as a process lives
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"))
_OTHER = "_OTHER"  # what the conventions have for a method that somebody has made up
_SERVER_ERROR = 500  # status; what is refused with a lower one is no failure of ours


def trace_requests(app: ASGIApp, tracer: Tracer | None) -> ASGIApp:
    """Make a span for each request that is to be recorded. Without a tracer, nothing is put between a request and ``app``."""
    if tracer is None:
        return app
    decides = tracer.sampling.decides

    async def traced(scope: Scope, receive: Receive, send: Send) -> None:
        is_request = scope["type"] == ScopeType.HTTP
        if is_request and decides(known_trace(scope)) and not scope["path"].startswith(_NOT_TRACED):
            await _serve(tracer, app, scope, receive, send)
        else:
            await app(scope, receive, send)

    return traced


async def _serve(tracer: Tracer, app: ASGIApp, scope: HTTPScope, receive: Receive, send: Send) -> None:
    method = scope["method"] if scope["method"] in _METHODS else _OTHER
    with tracer.server(method, {"http.request.method": method}, known_trace(scope)) as begun:

        async def send_noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                _note_status(begun, message["status"])
            await send(message)

        scope["state"][_KEY] = begun
        note_trace(scope, begun.context)
        try:
            await app(scope, receive, send_noting)
        finally:
            # Which route it is has been found out meanwhile. The path itself may have ids and tokens.
            if (route := route_of(scope)) is not None:
                begun.span.update_name(f"{method} {route}")
                begun.span.set_attribute("http.route", route)


def _note_status(begun: Begun, status: int) -> None:
    begun.span.set_attribute("http.response.status_code", status)
    if status >= _SERVER_ERROR:
        begun.fail(str(status))


def publishing(scope: Scope, published: Published) -> AbstractContextManager[dict[str, str]]:
    """The headers that the events of a task inherit from the request that makes it, for the block that appends it.

    When the request is recorded, the block is a span, and the headers say that the task was created in it.
    """
    begun = cast("Begun | None", scope["state"].get(_KEY))
    tracer = active.tracer()
    if begun is not None and tracer is not None:
        return _recorded(tracer, begun, scope, published)
    headers = carried_headers(scope)
    if tracer is not None and TRACEPARENT not in headers:
        # Nobody after this decides anew whether to record it.
        headers[TRACEPARENT] = unsampled()
    return nullcontext(headers)


@contextmanager
def _recorded(tracer: Tracer, begun: Begun, scope: Scope, published: Published) -> Generator[dict[str, str]]:
    made = tracer.producer(PUBLISH, published.attributes(), begun)
    headers = carried_headers(scope)
    headers.pop(TRACESTATE, None)
    try:
        yield headers | made.context.headers()
    except HeadraceError as error:
        if error.status >= _SERVER_ERROR:
            made.fail(error.code)
        raise
    finally:
        made.span.end()
