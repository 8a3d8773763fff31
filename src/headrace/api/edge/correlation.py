"""Correlation: one id from a browser's click to a worker's log line.

``X-Correlation-Id`` is taken from the request when it is a reasonable id, made otherwise, and returned; it travels with the
task's events in a header. ``X-Request-Id`` names the single request in the logs.
"""

from __future__ import annotations

import re
from typing import cast

import structlog
import uuid_utils
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from headrace.log import subjects

_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")  # it becomes a header and a log field: no spaces, no control characters
_CORRELATION = b"x-correlation-id"
_REQUEST = b"x-request-id"
_TRACEPARENT = b"traceparent"
_TRACE = re.compile(rb"[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}")
_KEY = "headrace_correlation"
_SEND = "headrace_send"


def correlate(app: ASGIApp) -> ASGIApp:
    """Give every request its ids and bind them to its log lines. Goes around the application, so errors have them too."""

    async def correlated(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        given = _given(scope)
        request = given.get(_REQUEST) or uuid_utils.uuid7().hex
        correlation = given.get(_CORRELATION) or request
        scope.setdefault("state", {})[_KEY] = correlation
        scope["state"][_SEND] = send
        structlog.contextvars.clear_contextvars()
        structlog.contextvars.bind_contextvars(request_id=request, correlation_id=correlation)
        header = (_CORRELATION, correlation.encode())

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], header]
            await send(message)

        await app(scope, receive, send_with_id)

    return correlated


def correlation_id(scope: Scope) -> str:
    """The correlation id of a request."""
    return cast("str", scope["state"].get(_KEY, ""))


def straight_to_server(scope: Scope, send: Send) -> Send:
    """How the server takes the chunks of a body that has begun: whatever looks at a response's start has done so by then,
    and costs as much again for each of a stream's chunks.
    """
    return cast("Send", scope["state"].get(_SEND, send))


def traceparent(scope: Scope) -> str | None:
    """The W3C trace context of a request, when it brought a well-formed one."""
    for name, value in scope["headers"]:
        if name == _TRACEPARENT and _TRACE.fullmatch(value):
            return value.decode()
    return None


def carried_headers(scope: Scope) -> dict[str, str]:
    """Return the headers that the events of a task inherit from the request that made it."""
    headers = {subjects.CORRELATION_ID: correlation_id(scope)}
    if trace := traceparent(scope):
        headers[subjects.TRACEPARENT] = trace
    return headers


def _given(scope: Scope) -> dict[bytes, str]:
    return {
        name: value.decode()
        for name, value in scope["headers"]
        if name in (_CORRELATION, _REQUEST) and _ID.fullmatch(value)
    }
