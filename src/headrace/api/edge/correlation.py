"""Correlation: one id from a browser's click to a worker's log line.

``X-Correlation-Id`` is taken from the request when it is a reasonable id, and made otherwise. The response repeats it, and the
events of a task carry it in a header. ``X-Request-Id`` names the single request in the logs.
"""

from __future__ import annotations

import re
from time import perf_counter
from typing import cast

import structlog
import uuid_utils
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from headrace.api.edge.access_log import AccessLog
from headrace.api.edge.headers import answer_headers, read_headers
from headrace.api.edge.known_trace import known_trace, note_trace
from headrace.api.edge.security_headers import SecurityHeaders
from headrace.api.edge.server_send import keep_server_send
from headrace.log import subjects
from headrace.tracing.w3c import TraceContext

_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")  # it becomes a header and a log field: no spaces, no control characters
_CORRELATION = b"x-correlation-id"
_REQUEST = b"x-request-id"
_TRACEPARENT = b"traceparent"
_KEY = "headrace_correlation"
_STATUS = "headrace_status"


def correlate(app: ASGIApp, security: SecurityHeaders, access: AccessLog | None = None) -> ASGIApp:
    """Give every request its ids and bind them to its log lines. Every response has the id and the security headers.

    This is the outermost middleware: error responses have the headers as well. ``access`` is where each request has its line.
    """

    async def correlated(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        headers = read_headers(scope)
        request = _well_formed(headers.get(_REQUEST)) or uuid_utils.uuid7().hex
        correlation = _well_formed(headers.get(_CORRELATION)) or request
        state[_KEY] = correlation
        keep_server_send(scope, send)
        structlog.contextvars.clear_contextvars()
        fields = {"request_id": request, "correlation_id": correlation}
        if _TRACEPARENT in headers and (trace := TraceContext.of_request(scope["headers"])) is not None:
            note_trace(scope, trace)
            fields |= trace.log_fields()
        structlog.contextvars.bind_contextvars(**fields)
        named = (_CORRELATION, correlation.encode())

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], named, *security.for_answer(scope), *answer_headers(scope)]
                state[_STATUS] = message["status"]
            await send(message)

        if access is None:
            await app(scope, receive, send_with_headers)
            return
        began = perf_counter()
        try:
            await app(scope, receive, send_with_headers)
        finally:
            access.record(scope, state.get(_STATUS, 0), began, request, correlation)

    return correlated


def _well_formed(given: bytes | None) -> str | None:
    """Return an id that a request brings, if it is well-formed."""
    return given.decode() if given is not None and _ID.fullmatch(given) else None


def correlation_id(scope: Scope) -> str:
    """Return the correlation id of a request."""
    return cast("str", scope["state"].get(_KEY, ""))


def carried_headers(scope: Scope) -> dict[str, str]:
    """Return the headers that the events of a task inherit from the request that made it."""
    headers = {subjects.CORRELATION_ID: correlation_id(scope)}
    if (trace := known_trace(scope)) is not None:
        headers |= trace.headers()
    return headers
