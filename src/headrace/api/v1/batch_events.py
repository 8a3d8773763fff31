"""Following a batch: server-sent events with its counts, the latest ones only, and an end when it has settled."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import msgspec
from litestar import Response, get

from headrace.api.auth.principal import caller
from headrace.api.edge.openapi import EVENT_STREAM, refusals
from headrace.api.edge.request import AnyRequest
from headrace.api.state import ApiState, state_of
from headrace.api.streaming.batch_follower import BatchFollower
from headrace.api.streaming.open_streams import HEARTBEAT_SECONDS, Chunks, EventStream, OpenStream, retry
from headrace.api.v1.batches import find_batch
from headrace.api.v1.events import HEARTBEAT, LastEventId, cursor_of
from headrace.contracts.batches import Batch, BatchEventName, BatchState
from headrace.contracts.positions import Position

_encode = msgspec.json.Encoder().encode


@get(
    "/batches/{batch:str}/events",
    operation_id="follow_batch",
    summary="Follow the counts of a batch until it settles (server-sent events)",
    responses=EVENT_STREAM | refusals(400, 404),
)
async def follow_batch(
    request: AnyRequest, batch: str, last_event_id: LastEventId = None
) -> EventStream | Response[None]:
    """`counted`, at first and then at most four times a second, and last `settled`; reconnecting then answers 204.

    `data` is the batch. What changed between two of them is not told; follow `/events` for what happens to its tasks.
    """
    return await batch_stream(state_of(request), caller(request), batch, cursor_of(None, last_event_id))


async def batch_stream(
    api: ApiState, owner: str, batch: str, cursor: Position | None, *, credentials_end: float | None = None
) -> EventStream | Response[None]:
    """The stream of one batch; 204 for who has seen its end.

    Raises:
        BatchNotFound: there is none.
        LogUnavailable: the log does not answer.
    """
    found = await find_batch(api, owner, batch)
    if found.state == BatchState.SETTLED and cursor is not None and cursor >= Position.parse(found.position):
        return Response(None, status_code=204)
    follower = await BatchFollower.open(api.log, api.hub, api.read_model, found)
    return EventStream(api.streams, _frames(follower), credentials_end=credentials_end)


def _frames(follower: BatchFollower) -> Chunks:
    async def chunks(stream: OpenStream) -> AsyncGenerator[bytes]:
        stream.wake = follower.wake
        try:
            while not stream.over:
                found = await follower.next(HEARTBEAT_SECONDS)
                yield HEARTBEAT if found is None else _frame(found)
                if found is not None and found.state == BatchState.SETTLED:
                    return
            yield retry()
        finally:
            follower.close()

    return chunks


def _frame(found: Batch) -> bytes:
    event = BatchEventName.SETTLED if found.state == BatchState.SETTLED else BatchEventName.COUNTED
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (found.position.encode(), event.encode(), _encode(found))
