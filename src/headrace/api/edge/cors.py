"""Cross-origin requests (Fetch, section 3.3: the CORS protocol): which pages of other sites may use which routes."""

from __future__ import annotations

from collections.abc import Sequence

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

PREFLIGHT_SECONDS = "600"  # for which a browser need not ask again

# `EventSource` sends no preflight request; a client that sets Last-Event-ID by itself does.
_PREFLIGHT_HEADERS = [
    (b"access-control-allow-methods", b"GET"),
    (b"access-control-allow-headers", b"Last-Event-ID"),
    (b"access-control-max-age", PREFLIGHT_SECONDS.encode()),
]


def allow_origins(app: ASGIApp, path: str, origins: Sequence[str]) -> ASGIApp:
    """Let pages of these origins read the routes below one path, and no others.

    Args:
        app: The application.
        path: The path, without a slash at its end.
        origins: The origins; ``*`` for all.
    """
    allowed = frozenset(map(as_browsers_send, origins))
    below = f"{path}/"

    async def with_cors(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or not scope["path"].startswith(below):
            await app(scope, receive, send)
            return
        send_granted = _send_with(send, _granted(scope, allowed))
        if scope["method"] == "OPTIONS":
            await send_granted({"type": "http.response.start", "status": 204, "headers": _PREFLIGHT_HEADERS})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await app(scope, receive, send_granted)

    return with_cors


def as_browsers_send(origin: str) -> bytes:
    """Write an origin in lower case, and without the port that its scheme has anyway (RFC 6454, section 6.2)."""
    lower = origin.lower()
    default_port = ":443" if lower.startswith("https:") else ":80"
    return lower.removesuffix(default_port).encode()


def _granted(scope: HTTPScope, allowed: frozenset[bytes]) -> list[tuple[bytes, bytes]]:
    """Return the headers that allow the origin of a request, if it is one of the allowed origins."""
    origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
    # A cache must not give the answer for one origin to another one.
    granted = [(b"vary", b"Origin")]
    if origin and (origin in allowed or b"*" in allowed):
        granted.append((b"access-control-allow-origin", origin))
    return granted


def _send_with(send: Send, headers: list[tuple[bytes, bytes]]) -> Send:
    """Return a `send` that adds headers to the response."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *headers]
        await send(message)

    return send_with_headers
