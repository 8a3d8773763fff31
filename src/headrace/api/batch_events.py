"""Following a batch: server-sent events with its counts, the latest ones only, and an end when it has settled."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator

import msgspec
from litestar import Response, get
from litestar.response import Stream

from headrace.api.batch_follower import BatchFollower
from headrace.api.batches import AnyRequest, find_batch
from headrace.api.caller import caller
from headrace.api.events import HEARTBEAT, HEARTBEAT_SECONDS, RETRY_MILLISECONDS, LastEventId, cursor_of, event_stream
from headrace.api.openapi import EVENT_STREAM, problems
from headrace.api.resources import Resources, resources
from headrace.contracts.batches import Batch, BatchEventName, BatchState
from headrace.contracts.positions import Position

_encode = msgspec.json.Encoder().encode


@get(
    "/batches/{batch:str}/events",
    operation_id="follow_batch",
    summary="Follow the counts of a batch until it settles (server-sent events)",
    responses=EVENT_STREAM | problems(400, 404),
)
async def follow_batch(request: AnyRequest, batch: str, last_event_id: LastEventId = None) -> Stream | Response[None]:
    """`counted`, at first and then at most four times a second, and last `settled`; reconnecting then answers 204.

    `data` is the batch. What changed between two of them is not told; follow `/events` for what happens to its tasks.
    """
    of = resources(request)
    cursor = cursor_of(None, last_event_id)
    found = await find_batch(of, caller(request), batch)
    if found.state == BatchState.SETTLED and cursor is not None and cursor >= Position.parse(found.position):
        return Response(None, status_code=204)
    return event_stream(_frames(of, await BatchFollower.open(of, found)))


async def _frames(of: Resources, follower: BatchFollower) -> AsyncGenerator[bytes]:
    try:
        while not of.hub.draining:
            found = await follower.next(HEARTBEAT_SECONDS)
            yield HEARTBEAT if found is None else _frame(found)
            if found is not None and found.state == BatchState.SETTLED:
                return
    finally:
        follower.close()
    yield b"retry: %d\n\n" % random.randint(*RETRY_MILLISECONDS)  # noqa: S311 - spreads load, hides nothing


def _frame(found: Batch) -> bytes:
    event = BatchEventName.SETTLED if found.state == BatchState.SETTLED else BatchEventName.COUNTED
    return b"id: %s\nevent: %s\ndata: %s\n\n" % (found.position.encode(), event.encode(), _encode(found))
