"""Following from somebody else's page: links that let a browser watch one task or one batch, for a while.

They are the only routes that browsers may use from other origins, and those only which the settings name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from litestar import Response, get, post
from litestar.enums import ScopeType
from litestar.params import QueryParameter
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from headrace.api.auth.principal import caller
from headrace.api.edge.openapi import EVENT_STREAM, problems
from headrace.api.edge.request import AnyRequest, task_id
from headrace.api.state import state_of
from headrace.api.streaming.open_streams import EventStream
from headrace.api.v1.batch_events import batch_stream
from headrace.api.v1.batches import find_batch
from headrace.api.v1.events import After, LastEventId, cursor_of, task_stream
from headrace.api.v1.links import PREFIX, make_link
from headrace.api.v1.tasks import find
from headrace.contracts.follow_links import FollowLink, FollowLinkRequest
from headrace.errors import BatchNotFound, TaskNotFound

PREFLIGHT_SECONDS = "600"  # for which a browser need not ask again
TOKEN_CHARS_MAX = 400

Token = Annotated[str, QueryParameter(name="token", max_length=TOKEN_CHARS_MAX, description="As the link has it.")]


@post(
    "/tasks/{task:str}/follow-links",
    status_code=201,
    operation_id="create_task_follow_link",
    summary="A link with which a browser may follow a task",
    responses=problems(400, 404, 422, 501),
)
async def link_to_task(request: AnyRequest, task: str, data: FollowLinkRequest) -> FollowLink:
    """For pages of another product: its backend asks for the link, its users' browsers use it with `EventSource`."""
    api, owner = state_of(request), caller(request)
    api.follow_tokens.check()
    found = await find(api, owner, task_id(task))
    return make_link(api, request, "task", found.id, owner, data)


@post(
    "/batches/{batch:str}/follow-links",
    status_code=201,
    operation_id="create_batch_follow_link",
    summary="A link with which a browser may follow a batch",
    responses=problems(400, 404, 422, 501),
)
async def link_to_batch(request: AnyRequest, batch: str, data: FollowLinkRequest) -> FollowLink:
    """As for a task."""
    api, owner = state_of(request), caller(request)
    api.follow_tokens.check()
    found = await find_batch(api, owner, batch)
    return make_link(api, request, "batch", found.id, owner, data)


@get(
    "/follow/tasks/{task:str}/events",
    operation_id="follow_task_by_link",
    summary="Follow one task with a link (server-sent events)",
    responses=EVENT_STREAM | problems(400, 401, 403, 404, 501),
)
async def follow_task_by_link(
    request: AnyRequest, task: str, token: Token = "", after: After = None, last_event_id: LastEventId = None
) -> EventStream | Response[None]:
    """As `/tasks/{id}/events`, until the link expires."""
    api = state_of(request)
    grant = api.follow_tokens.read(token)
    if (grant.what, grant.id) != ("task", task):
        raise TaskNotFound(f"this follow link is not for task {task[:80]!r}")
    return await task_stream(api, grant.owner, task, cursor_of(after, last_event_id), credentials_end=grant.until)


@get(
    "/follow/batches/{batch:str}/events",
    operation_id="follow_batch_by_link",
    summary="Follow one batch with a link (server-sent events)",
    responses=EVENT_STREAM | problems(400, 401, 403, 404, 501),
)
async def follow_batch_by_link(
    request: AnyRequest, batch: str, token: Token = "", last_event_id: LastEventId = None
) -> EventStream | Response[None]:
    """As `/batches/{id}/events`, until the link expires."""
    api = state_of(request)
    grant = api.follow_tokens.read(token)
    if (grant.what, grant.id) != ("batch", batch):
        raise BatchNotFound(f"this follow link is not for batch {batch[:80]!r}")
    cursor = cursor_of(None, last_event_id)
    return await batch_stream(api, grant.owner, batch, cursor, credentials_end=grant.until)


def open_to_origins(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """Let pages of these origins use follow links, and nothing else (Fetch, section 3.3: the CORS protocol).

    Args:
        app: The application.
        origins: As browsers send them; ``*`` for all.
    """
    allowed = frozenset(origin.encode() for origin in origins)

    async def with_cors(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP or not scope["path"].startswith(f"{PREFIX}/"):
            await app(scope, receive, send)
            return
        origin = next((value for name, value in scope["headers"] if name == b"origin"), b"")
        granted = [(b"vary", b"Origin")]
        if origin and (origin in allowed or b"*" in allowed):
            granted.append((b"access-control-allow-origin", origin))

        async def send_with_cors(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *granted]
            await send(message)

        if scope["method"] == "OPTIONS":  # `EventSource` does not ask; a client that sets Last-Event-ID by itself does
            headers = [
                (b"access-control-allow-methods", b"GET"),
                (b"access-control-allow-headers", b"Last-Event-ID"),
                (b"access-control-max-age", PREFLIGHT_SECONDS.encode()),
            ]
            await send_with_cors({"type": "http.response.start", "status": 204, "headers": headers})
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        else:
            await app(scope, receive, send_with_cors)

    return with_cors
