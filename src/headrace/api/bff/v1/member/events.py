"""The stream of what belongs to whoever is signed in."""

from __future__ import annotations

from litestar import get

from headrace.api.auth.access import access
from headrace.api.auth.principal import caller
from headrace.api.edge.openapi import EVENT_STREAM, OfOwner, refusals
from headrace.api.edge.request import AnyRequest
from headrace.api.mounts import Mount, belongs_to
from headrace.api.streaming.forms import BRIEF
from headrace.api.streaming.opening import read_cursor
from headrace.api.streaming.response import StreamResponse
from headrace.api.v1.events import After, Asked, Batches, Events, Kinds, LastEventId, Tasks, WithLabels, stream_of


@get(
    "/member/events",
    operation_id="follow_own",
    opt=access("tasks:read") | belongs_to(Mount.MEMBER),
    operation_class=OfOwner,
    summary="Follow what the screens show (server-sent events)",
    responses=EVENT_STREAM | refusals(400),
)
async def follow_own(
    request: AnyRequest,
    after: After = None,
    last_event_id: LastEventId = None,
    tasks: Tasks = None,
    batches: Batches = None,
    kinds: Kinds = None,
    events: Events = None,
    labels: WithLabels = None,
) -> StreamResponse:
    """The stream is `GET /api/v1/events` in its brief form: one of them is enough for all pages of a browser."""
    cursor = read_cursor(request, after, last_event_id)
    asked = Asked(cursor, (tasks, batches, kinds, events), labels, BRIEF)
    return await stream_of(request, caller(request), asked)
