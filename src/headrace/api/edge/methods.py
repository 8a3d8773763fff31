"""HEAD and OPTIONS, for all routes (RFC 9110, sections 9.3.2 and 9.3.7)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable

from litestar.routes import BaseRoute
from litestar.types import ASGIApp, HTTPDisconnectEvent, HTTPScope, Message, Receive, Scope, Send

from headrace.api.edge.server_send import keep_server_send

_ASKED_FOR_HEAD = "headrace_asked_for_head"

_PARAMETER = re.compile(r"\{[^}]+\}")


def answer_methods(app: ASGIApp, routes: Iterable[BaseRoute]) -> ASGIApp:
    """Answer HEAD as GET without its body, and OPTIONS with the methods of the path.

    Args:
        app: The application.
        routes: Its routes.
    """
    # As the router does, `/files/content` is found before `/files/{file}`, which has its form as well.
    exact_first = sorted(routes, key=lambda route: len(_PARAMETER.findall(route.path)))
    allowed = [(path_pattern(route.path), allow(route.methods)) for route in exact_first]

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["method"] not in ("HEAD", "OPTIONS"):
            await app(scope, receive, send)
        elif scope["method"] == "HEAD":
            await _answer_head(app, scope, send)
        elif (methods := next((of for pattern, of in allowed if pattern.fullmatch(scope["path"])), None)) is None:
            await app(scope, receive, send)
        else:
            headers = [(b"allow", methods.encode())]
            await send({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    return answered


def is_head(scope: Scope | HTTPScope) -> bool:
    """Return whether a request that a GET route serves is a HEAD request, which may change nothing."""
    return scope["state"].get(_ASKED_FOR_HEAD, False)


def allow(methods: Iterable[str]) -> str:
    """Return the value of an Allow header: these methods and those that follow from them."""
    has_head = ("HEAD",) if "GET" in methods else ()
    return ", ".join(sorted({*methods, *has_head, "OPTIONS"}))


async def _answer_head(app: ASGIApp, scope: HTTPScope, send: Send) -> None:
    """Have the application answer GET, and send the headers of its answer.

    To an event stream, the client seems to leave as soon as it has the headers; so the stream ends.
    """
    started = asyncio.Event()

    async def receive_leaving() -> HTTPDisconnectEvent:
        await started.wait()
        return {"type": "http.disconnect"}

    async def send_headers(message: Message) -> None:
        if message["type"] == "http.response.start":
            # The router writes the template of the route into its own scope, and the metrics read it from the first one.
            scope["path_template"] = get.get("path_template", "")
            await send(message)
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            started.set()

    get: HTTPScope = {**scope, "method": "GET"}
    get["state"][_ASKED_FOR_HEAD] = True
    keep_server_send(get, send_headers)
    try:
        await app(get, receive_leaving, send_headers)
    finally:
        # The access log reads it as well, also of a request that was not answered.
        scope["path_template"] = get.get("path_template", "")


def path_pattern(path: str) -> re.Pattern[str]:
    """Return what matches the paths of a route. A slash at the end makes no difference to the router."""
    fixed = [re.escape(part) for part in _PARAMETER.split(path)]
    return re.compile("[^/]+".join(fixed) + "/?")
