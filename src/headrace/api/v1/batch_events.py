"""The route that follows a batch: server-sent events with its counts, and an end when the batch has settled."""

from __future__ import annotations

from litestar import Response, get

from headrace.api.auth.access import access
from headrace.api.auth.principal import caller, principal_of
from headrace.api.edge.openapi import EVENT_STREAM, OfOwner, refusals
from headrace.api.edge.request import AnyRequest
from headrace.api.state import ApiState, state_of
from headrace.api.streaming.batch_follower import BatchFollower
from headrace.api.streaming.batch_stream import BatchStream
from headrace.api.streaming.opening import read_cursor
from headrace.api.streaming.response import StreamResponse
from headrace.api.streaming.viewer import Viewer
from headrace.api.v1.batches import find_batch
from headrace.api.v1.events import After, LastEventId
from headrace.contracts.batches import BatchState
from headrace.contracts.positions import Position


@get(
    "/batches/{batch:str}/events",
    operation_id="follow_batch",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="Follow the counts of a batch until it settles (server-sent events)",
    responses=EVENT_STREAM | refusals(400, 404),
)
async def follow_batch(
    request: AnyRequest, batch: str, after: After = None, last_event_id: LastEventId = None
) -> StreamResponse | Response[None]:
    """The stream has `counted` events, one at first and then at most four a second, and ends with `settled`. `data` is the batch
    with its counts at that moment; counts in between are left out. A client that has seen the end and connects again is
    answered with 204. Follow `/events?batch=` for the tasks of the batch.
    """
    cursor = read_cursor(request, after, last_event_id)
    viewer = Viewer.of(principal_of(request))
    return await batch_stream(state_of(request), caller(request), batch, cursor, viewer)


async def batch_stream(
    api: ApiState, owner: str, batch: str, cursor: Position | None, viewer: Viewer
) -> StreamResponse | Response[None]:
    """Return the stream of one batch, or 204 when the client has seen its end.

    Raises:
        BatchNotFound: There is no such batch, or it belongs to somebody else.
        LogUnavailable: JetStream does not answer.
    """
    found = await find_batch(api, owner, batch)
    if found.state == BatchState.SETTLED and cursor is not None and cursor >= Position.parse(found.position):
        return Response(None, status_code=204)
    follower = await BatchFollower.open(api.log, api.hub, api.read_model, found)
    return StreamResponse(api.streams, BatchStream(follower), viewer)
