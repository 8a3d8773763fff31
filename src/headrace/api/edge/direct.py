"""Routes that are answered without Litestar's machinery, which took a quarter of the API's CPU for an ordinary submission.

A route that is `DIRECT` is a Litestar route like every other one: it is declared, documented and authorized as they are. Of what
Litestar does around a handler it needs nothing: its path is fixed, it takes the request and the body, and it answers with a `Response`.
So its requests are given to the handler here, after the same `before_request` and through the same request class and exception
handlers. Whatever is unusual goes the ordinary way, and both ways give the same answers.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from typing import Any, Final, NamedTuple, cast

import msgspec
from litestar import Litestar, Response
from litestar.exceptions import ImproperlyConfiguredException
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from headrace.api.edge.headers import read_headers
from headrace.api.edge.json_body import JsonRequest

# For the `opt` of a route.
DIRECT: Final[dict[str, Any]] = {"direct": True}

# Litestar refuses some of the hosts that have other characters, and says so in its own way.
_PLAIN_HOST = re.compile(rb"[a-z0-9.-]+(?::[0-9]{1,5})?")
_ARGUMENTS = {"request", "data"}

_Handlers = Mapping[Any, Callable[[JsonRequest, Any], Response[Any]]]

_encode = msgspec.json.Encoder().encode


class _Route(NamedTuple):
    """What a request of a route passes, resolved once."""

    handler: HTTPRouteHandler
    before: Callable[[JsonRequest], Awaitable[Any]]
    answer: Callable[..., Awaitable[Response[Any]]]
    status: int
    error_handlers: _Handlers


def answer_directly(app: Litestar) -> ASGIApp:
    """Answer the requests of direct routes, and pass on all others to the application.

    Raises:
        ImproperlyConfiguredException: A route is declared as direct that needs what Litestar does around a handler.
    """
    routes = dict(_direct_routes(app))

    async def answered(scope: Scope, receive: Receive, send: Send) -> None:
        route = routes.get((scope["method"], scope["path"])) if scope["type"] == "http" else None
        if route is None or not _has_plain_host(scope) or scope.get("root_path"):
            await app(scope, receive, send)
        else:
            await _answer(app, route, cast("HTTPScope", scope), receive, send)

    return answered


async def _answer(app: Litestar, route: _Route, scope: HTTPScope, receive: Receive, send: Send) -> None:
    entries = cast("dict[str, Any]", scope)
    entries["app"] = entries["litestar_app"] = app
    entries["route_handler"], entries["path_template"], entries["path_params"] = route.handler, scope["path"], {}
    request = JsonRequest(scope, receive, send)
    try:
        response = await route.before(request)
        response = response or await route.answer(request=request, data=await request.json())
        start, body = _encoded(response, route.status)
    except Exception as error:  # noqa: BLE001 - whatever a handler raises is answered
        response = _refused(route.error_handlers, request, error)
        await response.to_asgi_response(app=None, request=request)(scope, receive, send)
        return
    await send(start)
    await send(body)


def _encoded(response: Response[Any], status: int) -> tuple[Any, Any]:
    """Return the two messages of an answer, as Litestar makes them of a response with JSON."""
    content = _encode(response.content)
    headers = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in response.headers.items()]
    headers += [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    return (
        {"type": "http.response.start", "status": response.status_code or status, "headers": headers},
        {"type": "http.response.body", "body": content, "more_body": False},
    )


def _refused(handlers: _Handlers, request: JsonRequest, error: Exception) -> Response[Any]:
    """Return what the exception handlers of the application make of an error."""
    handle = next(handlers[each] for each in type(error).__mro__ if each in handlers)
    return handle(request, error)


def _has_plain_host(scope: Scope) -> bool:
    return _PLAIN_HOST.fullmatch(read_headers(scope).get(b"host", b"")) is not None


def _direct_routes(app: Litestar) -> Iterator[tuple[tuple[str, str], _Route]]:
    for route in app.routes:
        if not isinstance(route, HTTPRoute):
            continue
        for handler in route.route_handlers:
            if "direct" in handler.opt:
                _check(route, handler)
                before = handler.resolve_before_request()
                handlers = cast("_Handlers", handler.resolve_exception_handlers())
                resolved = _Route(handler, cast("Any", before), handler.fn, handler.status_code, handlers)
                yield from (((method, route.path), resolved) for method in handler.http_methods)


def _check(route: HTTPRoute, handler: HTTPRouteHandler) -> None:
    """Check that a route needs nothing of what is left out.

    Raises:
        ImproperlyConfiguredException: It does.
    """
    needed: dict[str, Any] = {
        "a path with parameters": route.path_parameters,
        "other arguments than the request and its data": handler.parsed_fn_signature.parameters.keys() - _ARGUMENTS,
        "an answer that is no Response": not handler.parsed_fn_signature.return_type.is_subclass_of(Response),
        "a function that is not async": handler.has_sync_callable,
        "no before_request": handler.resolve_before_request() is None,
        "no handler of Exception": Exception not in handler.resolve_exception_handlers(),
        "another request class": handler.resolve_request_class() is not JsonRequest,
        "an after_response": handler.resolve_after_response(),
        "guards": handler.resolve_guards(),
        "middleware": handler.resolve_middleware(),
        "headers or cookies of every answer": (handler.resolve_response_headers(), handler.resolve_response_cookies())
        != (frozenset(), frozenset()),
        "a cache": handler.cache,
        "a background task": handler.background,
    }
    if unfit := [what for what, is_needed in needed.items() if is_needed]:
        raise ImproperlyConfiguredException(f"{route.path} cannot be a direct route; it has {', '.join(unfit)}")
