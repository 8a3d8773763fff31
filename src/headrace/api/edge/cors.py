"""Cross-origin requests (Fetch, section 3.3: the CORS protocol): which pages of other sites may use which routes.

A page of an origin that `HEADRACE_API_ORIGINS` names may use every route, with the credentials of its user. A page of an origin
that `HEADRACE_API_FOLLOW_ORIGINS` names may use the routes of follow links, without any. All others may read nothing.
"""

from __future__ import annotations

from collections.abc import Iterable

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Message, Receive, Scope, Send

from headrace.api.edge.headers import read_headers

PREFLIGHT_SECONDS = b"600"  # for which a browser need not ask again

# What a page may send to the routes, and what it may read of their answers, besides what the protocol always allows.
TAKEN_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, traceparent, tracestate, X-Correlation-Id, X-Headrace-CSRF, "
    "X-Request-Id"
)
SHOWN_HEADERS = "ETag, Location, RateLimit, RateLimit-Policy, Retry-After, WWW-Authenticate, X-Correlation-Id"

# A cache must not give the answer for one origin to another one.
_VARY = (b"vary", b"Origin")
_MAX_AGE = (b"access-control-max-age", PREFLIGHT_SECONDS)
_CREDENTIALS = (b"access-control-allow-credentials", b"true")
_SHOWN = (b"access-control-expose-headers", SHOWN_HEADERS.encode())
_TAKEN = (b"access-control-allow-headers", TAKEN_HEADERS.encode())
# These follow from the methods of a path, and browsers ask for neither.
_IMPLIED_METHODS = frozenset({"HEAD", "OPTIONS"})

# `EventSource` sends no preflight request; a client that sets Last-Event-ID by itself does.
_PREFLIGHT_OF_LINKS = [
    (b"access-control-allow-methods", b"GET"),
    (b"access-control-allow-headers", b"Last-Event-ID"),
    _MAX_AGE,
]


class Origins:
    """Origins that settings name, each with commas between them.

    Attributes:
        named: The origins, as browsers send them.
    """

    def __init__(self, *settings: str) -> None:
        self.named = frozenset(as_browsers_send(each) for named in settings for each in named.split(",") if each)
        self._all = b"*" in self.named

    def named_one(self, scope: HTTPScope) -> bytes | None:
        """Return the origin of the page that sends a request, if it is one of these; None otherwise."""
        origin = read_headers(scope).get(b"origin")
        return origin if origin and (self._all or origin in self.named) else None


def allow_origins(app: ASGIApp, origins: Origins, *, links_path: str) -> ASGIApp:
    """Let pages of these origins use the routes with the credentials of their users; those of links are `allow_links`'s.

    The application answers OPTIONS with the methods of a path; a preflight request is allowed just these.

    Args:
        app: The application.
        origins: The origins; ``*`` is none of them.
        links_path: The path below which the routes of links are, without a slash at its end.
    """
    if not origins.named:
        return app
    links = f"{links_path}/"

    async def with_cors(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or scope["path"].startswith(links):
            await app(scope, receive, send)
            return
        origin = origins.named_one(scope)
        if origin is not None and scope["method"] == "OPTIONS":
            send = _send_preflight(send)
        await app(
            scope, receive, _send_with(send, [_VARY] if origin is None else [*_grant(origin), _CREDENTIALS, _SHOWN])
        )

    return with_cors


def allow_links(app: ASGIApp, path: str, origins: Origins) -> ASGIApp:
    """Let pages of these origins read the routes below one path, without credentials, and no others.

    Args:
        app: The application.
        path: The path, without a slash at its end.
        origins: The origins; ``*`` is all.
    """
    below = f"{path}/"

    async def with_cors(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or not scope["path"].startswith(below):
            await app(scope, receive, send)
            return
        origin = origins.named_one(scope)
        send_granted = _send_with(send, [_VARY] if origin is None else _grant(origin))
        if scope["method"] == "OPTIONS":
            await send_granted({"type": "http.response.start", "status": 204, "headers": _PREFLIGHT_OF_LINKS})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await app(scope, receive, send_granted)

    return with_cors


def as_browsers_send(origin: str) -> bytes:
    """Write an origin in lower case, and without the port that its scheme has anyway (RFC 6454, section 6.2)."""
    lower = origin.lower()
    default_port = ":443" if lower.startswith("https:") else ":80"
    return lower.removesuffix(default_port).encode()


def _grant(origin: bytes) -> list[tuple[bytes, bytes]]:
    return [_VARY, (b"access-control-allow-origin", origin)]


def _send_preflight(send: Send) -> Send:
    """Return a `send` that adds to the methods of a path what a page may ask for there."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *_methods_of(message["headers"]), _TAKEN, _MAX_AGE]
        await send(message)

    return send_with_headers


def _methods_of(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """Return what a preflight request is told of the methods of its path; nothing when there is no such path."""
    allowed = next((value.decode() for name, value in headers if name == b"allow"), "")
    methods = [method for method in allowed.split(", ") if method and method not in _IMPLIED_METHODS]
    return [(b"access-control-allow-methods", ", ".join(methods).encode())] if methods else []


def _send_with(send: Send, headers: list[tuple[bytes, bytes]]) -> Send:
    """Return a `send` that adds headers to the response."""

    async def send_with_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message["headers"], *headers]
        await send(message)

    return send_with_headers
