"""The stream of everything that happens, for administrators."""

from __future__ import annotations

from litestar import get

from headrace.api.auth.access import access
from headrace.api.auth.audit import audit_view
from headrace.api.auth.principal import caller
from headrace.api.edge.openapi import EVENT_STREAM, OWNER, OfAnyOwner, refusals
from headrace.api.edge.request import AnyRequest
from headrace.api.mounts import Mount, belongs_to
from headrace.api.streaming.forms import BRIEF_WITH_OWNER
from headrace.api.streaming.opening import read_cursor
from headrace.api.streaming.response import StreamResponse
from headrace.api.v1.events import After, Asked, Batches, Events, Kinds, LastEventId, Tasks, WithLabels, stream_of
from headrace.contracts.filters import ANY_OWNER
from headrace.store.tables import EVERYBODY


@get(
    "/admin/events",
    operation_id="follow_everybody",
    opt=access("admin") | belongs_to(Mount.ADMIN),
    operation_class=OfAnyOwner,
    summary="Follow everything of everybody (server-sent events)",
    responses=EVENT_STREAM | refusals(400),
)
async def follow_everybody(
    request: AnyRequest,
    after: After = None,
    last_event_id: LastEventId = None,
    tasks: Tasks = None,
    batches: Batches = None,
    kinds: Kinds = None,
    events: Events = None,
    labels: WithLabels = None,
) -> StreamResponse:
    """The brief stream of all owners, or of one. Each event names its owner, and there are two hints more: `gauges` and `users`.
    That somebody opens it is audited, once in a minute.
    """
    cursor = read_cursor(request, after, last_event_id)
    asked = Asked(cursor, (tasks, batches, kinds, events), labels, BRIEF_WITH_OWNER)
    return await stream_of(request, await _audited_owner(request), asked, for_admin=True)


async def _audited_owner(request: AnyRequest) -> str | None:
    """Return whose tasks an administrator wants to follow; None for those of everybody. The audit has it.

    Raises:
        AuditUnavailable: It cannot be recorded at the moment.
    """
    if OWNER not in request.query_params:
        # A look at an owner that is named was recorded when the request was let in.
        await audit_view(request, ANY_OWNER)
        return None
    owner = caller(request)
    return None if owner == EVERYBODY else owner
