"""Requests to an ASGI application without a server: what one answers is a list of messages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from litestar import Litestar
from litestar.testing import RequestFactory
from litestar.types import ASGIApp, Receive, Scope, Send

from headrace.api.edge.correlation import correlate
from headrace.api.edge.security_headers import SecurityHeaders

# Litestar would set up logs for the application that it makes by itself.
requests = RequestFactory(Litestar([], openapi_config=None, logging_config=None))


async def answer(
    app: ASGIApp,
    method: str = "GET",
    path: str = "/",
    headers: Iterable[tuple[str, str]] = (),
    body: Iterable[bytes] = (b"",),
    raw_path: str | None = None,
) -> list[Any]:
    """Call an application with one request and return the messages that it sends.

    Args:
        app: The application, or a middleware around one.
        method: The method.
        path: The path.
        headers: The headers.
        body: The parts of the body, in the order in which they arrive.
        raw_path: The path as it was sent; `path` by default.
    """
    parts = list(body)
    sent: list[Any] = []

    async def receive() -> Any:
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: Any) -> None:
        sent.append(message)

    scope: Any = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": (path if raw_path is None else raw_path).encode(),
        "http_version": "1.1",
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers],
        "state": {},
    }
    await app(scope, receive, send)
    return sent


def answering(status: int) -> ASGIApp:
    """An application that answers at once, without reading the body."""

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    return app


def headers_of(sent: list[Any]) -> dict[str, str]:
    """The headers of the response."""
    return {name.decode(): value.decode() for name, value in sent[0]["headers"]}


def correlated(app: ASGIApp, security: SecurityHeaders = SecurityHeaders()) -> ASGIApp:  # noqa: B008 - a tuple
    """An application inside the outermost middleware."""
    return correlate(app, security)
