"""Reading batches and cancelling them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated

import msgspec
import uuid_utils
from litestar import get, put
from litestar.params import Parameter

from headrace.api.auth.principal import caller
from headrace.api.edge.correlation import carried_headers
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import (
    AT_LEAST_SECONDS,
    WAIT_SECONDS_MAX,
    AnyRequest,
    AtCursor,
    AtLeast,
    OfKind,
    is_id,
    reach,
)
from headrace.api.state import ApiState, state_of
from headrace.api.streaming.batch_follower import BatchFollower
from headrace.contracts.batches import (
    Batch,
    BatchCancelled,
    BatchCreated,
    BatchEventName,
    BatchPage,
    BatchSettled,
    BatchState,
    Counts,
    decode,
    encode,
)
from headrace.contracts.positions import Position
from headrace.errors import AppendRefused, BatchNotFound, BatchSettledError, LogUnavailable, ReadModelBehind
from headrace.log import conditions, subjects
from headrace.log.subjects import BatchSubject
from headrace.store import batches as stored_batches
from headrace.store.checkpoints import read_checkpoint
from headrace.store.cursors import PAGE_ROWS_MAX, Cursor

TRIES_MAX = 5  # a batch may settle between looking and cancelling, and be opened again, but not again and again

_EVENTS = (BatchEventName.CREATED, BatchEventName.CANCELLED, BatchEventName.SETTLED)


@get("/batches", operation_id="list_batches", summary="List batches, newest first", responses=refusals(400))
async def list_batches(
    request: AnyRequest,
    in_state: Annotated[BatchState | None, Parameter(query="state")] = None,  # `state` is Litestar's own
    kind: OfKind = None,
    limit: Annotated[int, Parameter(ge=1, le=PAGE_ROWS_MAX)] = 50,
    cursor: AtCursor = None,
    at_least: AtLeast = None,
) -> BatchPage:
    """Their tasks are in `/tasks?batch=`."""
    api = state_of(request)
    after = Cursor.parse(cursor) if cursor else None
    await reach(api.read_model, at_least)
    async with api.read_model.session() as session:
        position = await read_checkpoint(session) or Position(api.log.epoch, 0)
        wanted = stored_batches.BatchFilter(state=in_state, kind=kind)
        items, following = await stored_batches.list_newest(session, caller(request), wanted, after, limit)
    return BatchPage(items=items, next_cursor=str(following) if following else None, position=str(position))


@get("/batches/{batch:str}", operation_id="get_batch", summary="One batch", responses=refusals(400, 404))
async def get_batch(
    request: AnyRequest,
    batch: str,
    wait: Annotated[float, Parameter(ge=0, le=WAIT_SECONDS_MAX, description="Seconds to wait until it settles.")] = 0,
    at_least: AtLeast = None,
) -> Batch:
    """With `wait`, answers as soon as the batch has settled, or when the time is over with the counts it then has."""
    api = state_of(request)
    await reach(api.read_model, at_least)
    found = await find_batch(api, caller(request), batch)
    if not wait or found.state == BatchState.SETTLED:
        return found
    follower = await BatchFollower.open(api.log, api.hub, api.read_model, found)
    end = asyncio.get_running_loop().time() + wait
    try:
        while (left := end - asyncio.get_running_loop().time()) > 0 and not api.hub.draining:
            found = await follower.next(left) or found
            if found.state == BatchState.SETTLED:
                break
    finally:
        follower.close()
    return found


@put(
    "/batches/{batch:str}/cancellation",
    status_code=202,
    operation_id="cancel_batch",
    summary="Cancel what is not final of a batch",
    responses=refusals(404, 409),
)
async def cancel_batch(request: AnyRequest, batch: str) -> Batch:
    """Its tasks are cancelled one after the other, soon; the batch settles when the last of them is. Asking again is fine."""
    api, owner = state_of(request), caller(request)
    settled = subjects.batch_event(BatchEventName.SETTLED, owner, batch)
    headers = {**carried_headers(request.scope), subjects.MSG_ID: str(uuid_utils.uuid7())}
    for _ in range(TRIES_MAX):
        found = await find_batch(api, owner, batch)
        if found.state == BatchState.SETTLED:
            raise BatchSettledError(
                f"all tasks of batch {batch!r} are final ({_told(found.counts)}); nothing is left to cancel"
            )
        if found.cancelled_at is not None:
            return found
        last_settled = Position(api.log.epoch, await api.log.replayer.last_at_leader(settled))
        if last_settled.sequence and last_settled > Position.parse(found.position):
            await api.read_model.reach(last_settled, AT_LEAST_SECONDS)
            continue  # and see whether it is open again
        # The projector relies on it that a batch that was cancelled was open.
        unless_settled = conditions.last_event_of(settled, last_settled.sequence)
        try:
            appended = await api.log.appender.append(
                subjects.batch_event(BatchEventName.CANCELLED, owner, batch),
                encode(BatchCancelled(by=owner)),
                headers | unless_settled,
            )
        except AppendRefused:
            continue
        position = str(max(Position.parse(found.position), Position(api.log.epoch, appended.sequence)))
        return msgspec.structs.replace(found, cancelled_at=datetime.now(UTC), position=position)
    raise LogUnavailable("the batch changes too fast to be cancelled; try again")


async def find_batch(api: ApiState, owner: str, batch: str) -> Batch:
    """A batch as the read model has it; as its own events in the log tell, when the projector is far behind.

    Raises:
        BatchNotFound: there is none, or it is somebody else's.
    """
    unknown = BatchNotFound(f"there is no batch {batch[:80]!r}")
    if not is_id(batch):
        raise unknown
    async with api.read_model.session() as session:
        found = await stored_batches.find_batch(session, owner, batch)
    if found is None:
        logged = await as_logged(api, owner, batch)
        if logged is None:
            raise unknown
        try:
            await api.read_model.reach(Position.parse(logged.position), AT_LEAST_SECONDS)
        except ReadModelBehind:
            return logged
        async with api.read_model.session() as session:
            found = await stored_batches.find_batch(session, owner, batch)
    if found is None:
        raise unknown
    return found


async def as_logged(api: ApiState, owner: str, batch: str) -> Batch | None:
    """What a batch's own events tell of it, without those of its tasks; None when the log does not have its beginning.

    The counts are those with which it has settled; before that there are none.

    Raises:
        LogUnavailable: the log does not answer.
    """
    told = await api.log.replayer.last_of_each(subjects.batch_event("*", owner, batch))
    last = {BatchSubject.parse(record.subject).event: record for record in told}
    created, cancelled, settled = (last.get(name) for name in _EVENTS)
    begun = None if created is None else decode(created.payload)
    if created is None or not isinstance(begun, BatchCreated):
        return None
    found = view(batch, owner, begun, created.at, Position(api.log.epoch, created.sequence))
    if cancelled is not None:
        found = msgspec.structs.replace(found, cancelled_at=cancelled.at)
    if settled is None or (cancelled is not None and cancelled.sequence > settled.sequence):
        return found  # what is cancelled is open: it was opened again, if it had settled
    end = decode(settled.payload)
    return msgspec.structs.replace(
        found,
        counts=end.counts if isinstance(end, BatchSettled) else Counts(),
        state=BatchState.SETTLED,
        settled_at=settled.at,
        position=str(Position(api.log.epoch, settled.sequence)),
    )


def view(batch: str, owner: str, created: BatchCreated, at: datetime, position: Position) -> Batch:
    """A batch of which nothing is known but its beginning."""
    return Batch(
        id=batch,
        kind=created.kind,
        name=created.name,
        priority=created.priority,
        owner=owner,
        total=created.total,
        counts=Counts(),
        state=BatchState.OPEN,
        created_at=at,
        position=str(position),
    )


def _told(counts: Counts) -> str:
    return f"{counts.succeeded:,} succeeded, {counts.failed:,} failed, {counts.cancelled:,} cancelled"
