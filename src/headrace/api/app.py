"""The application on one screen: what every request passes, the mounted routes, the error handlers and the OpenAPI document."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.metadata import version

from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi import OpenAPIConfig
from litestar.openapi.plugins import ScalarRenderPlugin
from litestar.types import ASGIApp

from headrace.api import health
from headrace.api.edge import problems
from headrace.api.edge.correlation import correlate
from headrace.api.edge.cors import allow_origins
from headrace.api.edge.openapi import AnyJson
from headrace.api.edge.unread_body import read_out_refused
from headrace.api.state import ApiState
from headrace.api.v1 import routes
from headrace.api.v1.follow_links import FOLLOW_PATH
from headrace.errors import HeadraceError

BODY_BYTES_MAX = 8 << 20  # bytes; what the embedded NATS takes in one message


def create_stack(api: ApiState, follow_origins: Sequence[str]) -> ASGIApp:
    """Build what the server runs: the application inside its middlewares. A request passes the last one first."""
    stack: ASGIApp = create_app(api)
    # An error answer must reach a client that is still sending its body.
    stack = read_out_refused(stack)
    # Pages of other products may use follow links, and no other route.
    stack = allow_origins(stack, FOLLOW_PATH, follow_origins)
    # The ids of a request are bound first, so that every answer and every log line has them.
    return correlate(stack)


def create_app(api: ApiState | None) -> Litestar:
    """Build the application. Without the state of a process it only gives its OpenAPI document."""
    return Litestar(
        route_handlers=[Router("/api/v1", route_handlers=routes.ALL), health.live, health.ready],
        state=State({"api": api}),
        exception_handlers={
            HeadraceError: problems.own_error,
            HTTPException: problems.http_error,
            RecursionError: problems.nested_too_deep,
            Exception: problems.unexpected_error,
        },
        plugins=[AnyJson()],
        # `headrace.telemetry` has set up all logs.
        logging_config=None,
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=OpenAPIConfig(
            title="Headrace",
            version=version("headrace"),
            description="Background work for web applications, run on NATS JetStream and followed live.",
            path="/api/docs",
            render_plugins=[ScalarRenderPlugin()],
            use_handler_docstrings=True,
        ),
    )
