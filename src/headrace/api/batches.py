"""Reading batches and cancelling them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import uuid_utils
from litestar import Request, get, put
from litestar.params import Parameter

from headrace.api.batch_follower import BatchFollower
from headrace.api.caller import caller
from headrace.api.openapi import problems
from headrace.api.resources import Resources, resources
from headrace.api.submit import carried_headers
from headrace.api.tasks import AT_LEAST_SECONDS, ID, WAIT_SECONDS_MAX, AtLeast, reach
from headrace.contracts.batches import (
    Batch,
    BatchCancelled,
    BatchCreated,
    BatchEventName,
    BatchPage,
    BatchState,
    Counts,
    decode,
    encode,
)
from headrace.contracts.positions import Position
from headrace.errors import BatchNotFound, BatchSettledError, ReadModelBehind
from headrace.log import subjects
from headrace.log.records import Record
from headrace.store import batches as read_model
from headrace.store import tasks

AnyRequest = Request[Any, Any, Any]


@get("/batches", operation_id="list_batches", summary="List batches, newest first", responses=problems(400))
async def list_batches(
    request: AnyRequest,
    in_state: Annotated[BatchState | None, Parameter(query="state")] = None,  # `state` is Litestar's own
    kind: Annotated[str | None, Parameter(max_length=63)] = None,
    limit: Annotated[int, Parameter(ge=1, le=tasks.PAGE_MAX)] = 50,
    cursor: Annotated[str | None, Parameter(max_length=200, description="`next_cursor` of the page before.")] = None,
    at_least: AtLeast = None,
) -> BatchPage:
    """Their tasks are in `/tasks?batch=`."""
    of = resources(request)
    after = tasks.Cursor.parse(cursor) if cursor else None
    await reach(of, at_least)
    async with of.reading() as session:
        position = await tasks.checkpoint(session) or Position(of.log.epoch, 0)
        wanted = read_model.Filter(state=in_state, kind=kind)
        items, following = await read_model.newest(session, caller(request), wanted, after, limit)
    return BatchPage(items=items, next_cursor=str(following) if following else None, position=str(position))


@get("/batches/{batch:str}", operation_id="get_batch", summary="One batch", responses=problems(400, 404))
async def get_batch(
    request: AnyRequest,
    batch: str,
    wait: Annotated[float, Parameter(ge=0, le=WAIT_SECONDS_MAX, description="Seconds to wait until it settles.")] = 0,
    at_least: AtLeast = None,
) -> Batch:
    """With `wait`, answers as soon as the batch has settled, or when the time is over with the counts it then has."""
    of = resources(request)
    await reach(of, at_least)
    found = await find_batch(of, caller(request), batch)
    if not wait or found.state == BatchState.SETTLED:
        return found
    follower = await BatchFollower.open(of, found)
    end = asyncio.get_running_loop().time() + wait
    try:
        while (left := end - asyncio.get_running_loop().time()) > 0 and not of.hub.draining:
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
    responses=problems(404, 409),
)
async def cancel_batch(request: AnyRequest, batch: str) -> Batch:
    """Its tasks are cancelled one after the other, soon; the batch settles when the last of them is. Asking again is fine."""
    of, owner = resources(request), caller(request)
    found = await find_batch(of, owner, batch)
    if found.state == BatchState.SETTLED:
        raise BatchSettledError(
            f"all tasks of batch {batch!r} are final ({_told(found.counts)}); nothing is left to cancel"
        )
    if found.cancelled_at is not None:
        return found
    appended = await of.log.appender.append(
        subjects.batch_event(BatchEventName.CANCELLED, owner, batch),
        encode(BatchCancelled(by=owner)),
        {**carried_headers(request), subjects.MSG_ID: str(uuid_utils.uuid7())},
    )
    position = str(max(Position.parse(found.position), Position(of.log.epoch, appended.sequence)))
    return msgspec.structs.replace(found, cancelled_at=datetime.now(UTC), position=position)


async def find_batch(of: Resources, owner: str, batch: str) -> Batch:
    """A batch as the read model has it; from its beginning in the log alone, when the projector is far behind.

    Raises:
        BatchNotFound: there is none, or it is somebody else's.
    """
    unknown = BatchNotFound(f"there is no batch {batch[:80]!r}")
    if ID.fullmatch(batch) is None:
        raise unknown
    async with of.reading() as session:
        found = await read_model.find(session, owner, batch)
    if found is None:
        created = await of.log.replayer.last(subjects.batch_event(BatchEventName.CREATED, owner, batch))
        if created is None:
            raise unknown
        try:
            await of.reach(Position(of.log.epoch, created.sequence), AT_LEAST_SECONDS)
        except ReadModelBehind:
            return _as_begun(of, batch, owner, created)
        async with of.reading() as session:
            found = await read_model.find(session, owner, batch)
    if found is None:
        raise unknown
    return found


def _as_begun(of: Resources, batch: str, owner: str, record: Record) -> Batch:
    created = decode(record.payload)
    assert isinstance(created, BatchCreated)
    return view(batch, owner, created, record.at, Position(of.log.epoch, record.sequence))


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
