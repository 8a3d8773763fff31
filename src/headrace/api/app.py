"""The application on one screen: what every request passes, the mounted routes, the error handlers and the OpenAPI document."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from importlib.metadata import version

import msgspec
from litestar import Litestar, Router
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.openapi.spec import Components
from litestar.types import ASGIApp

from headrace.api import health
from headrace.api.auth.authentication import authorize, enter
from headrace.api.bff.v1 import routes as screens
from headrace.api.docs import DOCS_PATH, DocsPage, docs_router
from headrace.api.edge import problems
from headrace.api.edge.access_log import AccessLog
from headrace.api.edge.admission import NDJSON, Rules, admit, public_origins
from headrace.api.edge.client_address import Proxies
from headrace.api.edge.correlation import correlate
from headrace.api.edge.cors import Origins, allow_links, allow_origins
from headrace.api.edge.direct import answer_directly
from headrace.api.edge.hosts import Hosts
from headrace.api.edge.json_body import JsonRequest
from headrace.api.edge.methods import answer_methods
from headrace.api.edge.openapi import AnyJson, EdgeRefusals
from headrace.api.edge.openapi_document import CompleteOpenAPIConfig
from headrace.api.edge.request_metrics import count_requests
from headrace.api.edge.security_headers import SecurityHeaders
from headrace.api.edge.security_schemes import SECURITY_SCHEMES, TOKEN_PATH
from headrace.api.edge.traces import trace_requests
from headrace.api.enter import enter_by_link
from headrace.api.mounts import DOCUMENTS, Elsewhere, Mount, mount_of, mounts_of
from headrace.api.state import ApiState
from headrace.api.v1 import routes
from headrace.api.v1.file_content import takes_file
from headrace.api.v1.follow_links import FOLLOW_PATH
from headrace.api.v1.submit_batch import BATCHES_PATH
from headrace.api.web import WebApp, serve_app
from headrace.errors import HeadraceError
from headrace.settings import ApiSettings
from headrace.tracing import active

API_PATH = "/api/v1"
BFF_PATH = "/bff/v1"
ROUTES = {API_PATH: routes.ALL, BFF_PATH: screens.ALL}
BODY_BYTES_MAX = 8 << 20  # bytes; what the embedded NATS takes in one message


def create_stack(api: ApiState, settings: ApiSettings) -> ASGIApp:
    """Build what the server runs: the application inside its middlewares. A request passes the last one first."""
    mounts = mounts_of(settings)
    app = create_app(api, mounts)
    # What is asked most passes nothing that it does not need.
    stack = answer_directly(app)
    # The web app has every address that a browser opens and that is none of these routes.
    stack = serve_app(stack, WebApp.of(settings), app.routes) if Mount.CORE in mounts else stack
    # Every GET route answers HEAD, and every path says what it allows.
    stack = answer_methods(stack, app.routes)
    # Foreign hosts, foreign pages and bodies that are not JSON come no further than this.
    pages = Origins(settings.origins)
    own = public_origins(settings) | pages.named
    stack = admit(
        stack,
        Rules(
            Hosts.of(settings, api.files.download_url),
            own,
            ndjson_path=BATCHES_PATH,
            form_path=TOKEN_PATH,
            takes_file=takes_file,
        ),
    )
    # A client that does not send its body is not waited for, and an error answer reaches one that is still sending.
    stack = api.bodies.receive_within_limits(stack, frozenset({NDJSON}), takes_file)
    # The pages that settings name may use every route, with the credentials of their user.
    stack = allow_origins(stack, pages, links_path=FOLLOW_PATH)
    # Pages of other products may use follow links, and no other route.
    stack = allow_links(stack, FOLLOW_PATH, Origins(settings.follow_origins, settings.origins))
    # Every answer is counted, whoever gives it.
    stack = count_requests(stack, api.metrics.requests)
    # What a request is traced as is decided before anything else is done with it.
    stack = trace_requests(stack, active.tracer())
    # The ids of a request are bound first, so that every answer and every log line has them.
    stack = correlate(
        stack, SecurityHeaders.of(settings, api.file_origins), AccessLog() if settings.access_log else None
    )
    # Behind a proxy, everything else sees the client and the address that the client has asked.
    return Proxies.of(settings).believe(stack)


def create_app(api: ApiState | None, mounts: frozenset[Mount] = frozenset(Mount)) -> Litestar:
    """Build the application. Without the state of a process it only gives its OpenAPI document."""
    return Litestar(
        route_handlers=[
            *(
                Router(path, route_handlers=[each for each in below if mount_of(each) in mounts], before_request=enter)
                for path, below in ROUTES.items()
            ),
            *([enter_by_link] if Mount.CORE in mounts else ()),
            health.live,
            health.ready,
        ],
        state=State({"api": api, "mounts": mounts, "elsewhere": Elsewhere(ROUTES, mounts)}),
        # A route without an access rule is open to nobody, wherever it is registered.
        before_request=authorize,
        exception_handlers={
            HeadraceError: problems.own_error,
            HTTPException: problems.http_error,
            RecursionError: problems.nested_too_deep,
            Exception: problems.unexpected_error,
        },
        request_class=JsonRequest,
        plugins=[AnyJson(), EdgeRefusals()],
        # `headrace.telemetry` has set up all logs.
        logging_config=None,
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=CompleteOpenAPIConfig(
            title="Headrace",
            version=version("headrace"),
            description="Background work for web applications, run on NATS JetStream and followed live.",
            path=DOCS_PATH,
            openapi_router=docs_router(),
            render_plugins=[DocsPage(_documents_of(mounts))],
            components=Components(security_schemes=SECURITY_SCHEMES),
            use_handler_docstrings=True,
        ),
    )


def _documents_of(mounts: frozenset[Mount]) -> dict[str, Callable[[], bytes]]:
    """Return the documents of what a process serves, by name. Of a document's mounts, it has those that the process serves."""
    return {name: partial(_document_of, of & mounts) for name, of in DOCUMENTS.items() if of & mounts}


@cache
def _document_of(mounts: frozenset[Mount]) -> bytes:
    return msgspec.json.encode(create_app(None, mounts).openapi_schema.to_schema())
