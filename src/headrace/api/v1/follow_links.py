"""Follow links: they let a browser watch one task or one batch from the page of another product, for a while.

The backend of that product asks for a link, with a submission or later, and hands it to the browser of its user. The routes of
the links are the only ones that browsers may use from other origins, see `headrace.api.edge.cors`.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from math import ceil
from typing import Annotated, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import QueryParameter

from headrace.api.auth.access import BY_TOKEN, Rule, access, check_access
from headrace.api.auth.principal import caller, principal_of
from headrace.api.edge.openapi import EVENT_STREAM, refusals
from headrace.api.edge.request import AnyRequest, task_id
from headrace.api.state import ApiState, state_of
from headrace.api.streaming.opening import read_cursor
from headrace.api.streaming.response import StreamResponse
from headrace.api.streaming.viewer import Viewer
from headrace.api.v1.batch_events import batch_stream
from headrace.api.v1.batches import find_batch
from headrace.api.v1.events import After, LastEventId, task_stream
from headrace.api.v1.tasks import find_task
from headrace.batch_errors import BatchNotFound
from headrace.contracts.follow_links import SECONDS_MAX, FollowLink, FollowLinkRequest
from headrace.contracts.identity import Scope
from headrace.contracts.problems import FieldError
from headrace.contracts.refused_values import explain
from headrace.errors import InvalidFollowToken, InvalidInput, TaskNotFound
from headrace.identity.follow_tokens import Grant

FOLLOW_PATH = "/api/v1/follow"
TOKEN_CHARS_MAX = 400

_READS = Rule(Scope.TASKS_READ)

Token = Annotated[str, QueryParameter(name="token", max_length=TOKEN_CHARS_MAX, description="As the link has it.")]


@post(
    "/tasks/{task:str}/follow-links",
    status_code=201,
    operation_id="create_task_follow_link",
    opt=access("tasks:read"),
    summary="Make a link with which a browser may follow a task",
    responses=refusals(400, 404, 422, 501),
)
async def link_to_task(request: AnyRequest, task: str, data: FollowLinkRequest) -> FollowLink:
    """The link is for pages of another product: its backend asks for the link, and its users' browsers open it with
    `EventSource`. Whoever has the link can follow this task, and do nothing else, until the link expires.
    """
    api, owner = state_of(request), caller(request)
    api.follow_tokens.check()
    found = await find_task(api, owner, task_id(task))
    return make_link(api, request, "task", found.id, owner, data)


@post(
    "/batches/{batch:str}/follow-links",
    status_code=201,
    operation_id="create_batch_follow_link",
    opt=access("tasks:read"),
    summary="Make a link with which a browser may follow a batch",
    responses=refusals(400, 404, 422, 501),
)
async def link_to_batch(request: AnyRequest, batch: str, data: FollowLinkRequest) -> FollowLink:
    """The link is for pages of another product: its backend asks for the link, and its users' browsers open it with
    `EventSource`. Whoever has the link can follow the counts of this batch, and do nothing else, until the link expires.
    """
    api, owner = state_of(request), caller(request)
    api.follow_tokens.check()
    found = await find_batch(api, owner, batch)
    return make_link(api, request, "batch", found.id, owner, data)


@get(
    "/follow/tasks/{task:str}/events",
    operation_id="follow_task_by_link",
    opt=access(BY_TOKEN),
    summary="Follow one task with a link (server-sent events)",
    responses=EVENT_STREAM | refusals(400, 401, 403, 404, 501),
)
async def follow_task_by_link(
    request: AnyRequest, task: str, token: Token = "", after: After = None, last_event_id: LastEventId = None
) -> StreamResponse | Response[None]:
    """The stream is the one of `/tasks/{id}/events`. It ends when the link expires."""
    api = state_of(request)
    grant = _read_grant(api, token)
    if (grant.what, grant.id) != ("task", task):
        raise TaskNotFound(f"this follow link is not for task {task[:80]!r}")
    cursor = read_cursor(request, after, last_event_id)
    return await task_stream(api, grant.owner, task, cursor, Viewer(grant.owner, grant.until))


@get(
    "/follow/batches/{batch:str}/events",
    operation_id="follow_batch_by_link",
    opt=access(BY_TOKEN),
    summary="Follow one batch with a link (server-sent events)",
    responses=EVENT_STREAM | refusals(400, 401, 403, 404, 501),
)
async def follow_batch_by_link(
    request: AnyRequest, batch: str, token: Token = "", after: After = None, last_event_id: LastEventId = None
) -> StreamResponse | Response[None]:
    """The stream is the one of `/batches/{id}/events`. It ends when the link expires."""
    api = state_of(request)
    grant = _read_grant(api, token)
    if (grant.what, grant.id) != ("batch", batch):
        raise BatchNotFound(f"this follow link is not for batch {batch[:80]!r}")
    cursor = read_cursor(request, after, last_event_id)
    return await batch_stream(api, grant.owner, batch, cursor, Viewer(grant.owner, grant.until))


def _read_grant(api: ApiState, token: str) -> Grant:
    """Return what a link allows, whatever has become of the credential that made it.

    Raises:
        InvalidFollowToken: The token was not signed with one of the secrets, or its owner's account is not active any more.
        FollowTokenExpired: The token has expired.
        FollowLinksOff: There is no secret.
    """
    grant = api.follow_tokens.read(token)
    if not api.revocations.is_active(grant.owner):
        raise InvalidFollowToken("this follow link is not valid any more; ask for a new one")
    return grant


def asked_link(api: ApiState, request: AnyRequest) -> FollowLinkRequest | None:
    """Read which link a submission asks for with ``?follow_link=<seconds>``. It is checked before anything is accepted.

    Raises:
        InvalidInput: A link cannot be valid for so many seconds.
        FollowLinksOff: No secret is set to sign a link with.
        MissingScope: Whoever may not read tasks gets no link that reads one.
    """
    given = request.query_params.get("follow_link") if request.scope["query_string"] else None
    if given is None:
        return None
    check_access(principal_of(request), _READS)
    try:
        asked = msgspec.convert({"expires_in": given}, FollowLinkRequest, strict=False)
    except msgspec.ValidationError as error:
        message = f"a follow link is good for 1 to {SECONDS_MAX:,.0f} seconds: {explain(str(error)).message}"
        raise InvalidInput(message, [FieldError(path="query follow_link", message=message)]) from error
    api.follow_tokens.check()
    return asked


def make_link(
    api: ApiState, request: AnyRequest, what: Literal["task", "batch"], id_: str, owner: str, asked: FollowLinkRequest
) -> FollowLink:
    """Make a link to a task or a batch of an owner.

    Raises:
        FollowLinksOff: No secret is set to sign the link with.
    """
    until = ceil((datetime.now(UTC) + timedelta(seconds=asked.expires_in)).timestamp())
    token = api.follow_tokens.make(Grant(what, id_, owner, until))
    base = api.public_url or str(request.base_url).rstrip("/")
    collection = "tasks" if what == "task" else "batches"
    return FollowLink(
        url=f"{base}{FOLLOW_PATH}/{collection}/{id_}/events?token={token}",
        expires_at=datetime.fromtimestamp(until, UTC),
    )
