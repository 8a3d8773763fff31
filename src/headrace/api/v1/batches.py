"""Reading batches and cancelling them."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec
import uuid_utils
from litestar import get, put
from litestar.params import Parameter, QueryParameter

from headrace.api.at_least import reach
from headrace.api.auth.access import access
from headrace.api.auth.audit import audit
from headrace.api.auth.principal import caller
from headrace.api.edge.correlation import carried_headers
from headrace.api.edge.openapi import OfOwner, refusals
from headrace.api.edge.request import (
    AT_LEAST_SECONDS,
    WAIT_SECONDS_MAX,
    AnyRequest,
    AtCursor,
    AtLeast,
    OfKind,
    is_id,
)
from headrace.api.state import ApiState, state_of
from headrace.api.streaming.batch_follower import BatchFollower
from headrace.batch_errors import BatchNotFound, BatchSettledError
from headrace.contracts.audit import Action
from headrace.contracts.batches import Batch, BatchPage, BatchState, Counts
from headrace.contracts.positions import Position
from headrace.errors import LogUnavailable, ReadModelBehind
from headrace.lifecycle import batch_state
from headrace.lifecycle.batch_state import Cancelled, Changed, SettledSince, read_batch_state
from headrace.log import clock, subjects
from headrace.store import batches as stored_batches
from headrace.store.checkpoints import read_checkpoint
from headrace.store.cursors import PAGE_ROWS_MAX, Cursor

TRIES_MAX = 5  # a batch may settle and be opened again between reading and cancelling it, but hardly five times


@get(
    "/batches",
    operation_id="list_batches",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="List batches, newest first",
    responses=refusals(400),
)
async def list_batches(
    request: AnyRequest,
    # Litestar reserves the name `state` for its own state.
    in_state: Annotated[BatchState | None, QueryParameter(name="state")] = None,
    kind: OfKind = None,
    limit: Annotated[int, Parameter(ge=1, le=PAGE_ROWS_MAX)] = 50,
    cursor: AtCursor = None,
    at_least: AtLeast = None,
) -> BatchPage:
    """The tasks of a batch are in `/tasks?batch=`."""
    api = state_of(request)
    after = None if cursor is None else Cursor.parse(cursor)
    await reach(api, at_least)
    async with api.read_model.session() as session:
        position = await read_checkpoint(session) or Position(api.log.epoch, 0)
        wanted = stored_batches.BatchFilter(state=in_state, kind=kind)
        items, following = await stored_batches.list_newest(session, caller(request), wanted, after, limit)
    return BatchPage(items=items, next_cursor=str(following) if following else None, position=str(position))


@get(
    "/batches/{batch:str}",
    operation_id="get_batch",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="One batch",
    responses=refusals(400, 404),
)
async def get_batch(
    request: AnyRequest,
    batch: str,
    wait: Annotated[float, Parameter(ge=0, le=WAIT_SECONDS_MAX, description="Seconds to wait until it settles.")] = 0,
    at_least: AtLeast = None,
) -> Batch:
    """With `wait`, the answer comes as soon as the batch has settled, or after that time with the counts at that moment."""
    api = state_of(request)
    await reach(api, at_least)
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
    opt=access("tasks:write"),
    summary="Cancel what is not final of a batch",
    responses=refusals(404, 409),
)
async def cancel_batch(request: AnyRequest, batch: str) -> Batch:
    """The open tasks are cancelled soon, one after the other; then the batch settles. The request may be repeated."""
    api, owner = state_of(request), caller(request)
    headers = {**carried_headers(request.scope), subjects.MSG_ID: str(uuid_utils.uuid7())}
    for attempt in range(TRIES_MAX):
        found = await find_batch(api, owner, batch)
        if found.state == BatchState.SETTLED:
            counts = _spell_out(found.counts)
            raise BatchSettledError(f"all tasks of batch {batch!r} are final ({counts}); nothing is left to cancel")
        if found.cancelled_at is not None:
            return found
        if attempt == 0:
            await audit(request, Action.BATCH_CANCELLED, subject=found.id)
        seen = Position.parse(found.position)
        match await batch_state.cancel_batch(api.log, owner, batch, seen=seen, headers=headers):
            case Cancelled(sequence):
                position = str(max(seen, Position(api.log.epoch, sequence)))
                return msgspec.structs.replace(found, cancelled_at=clock.now(), position=position)
            case SettledSince(position):
                await api.read_model.reach(position, AT_LEAST_SECONDS)
            case Changed():
                pass
    raise LogUnavailable("the batch changes too fast to be cancelled; try again")


async def find_batch(api: ApiState, owner: str, batch: str) -> Batch:
    """Find a batch in the read model; in the log, when the projector is so far behind that it does not have the batch yet.

    Raises:
        BatchNotFound: there is no such batch, or it belongs to another owner.
        LogUnavailable: the log does not answer.
        ReadModelUnavailable: Postgres cannot be reached.
    """
    unknown = BatchNotFound(f"there is no batch {batch[:80]!r}")
    if not is_id(batch):
        raise unknown
    async with api.read_model.session() as session:
        found = await stored_batches.find_batch(session, owner, batch)
    if found is None:
        logged = await read_batch_state(api.log, owner, batch)
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


def _spell_out(counts: Counts) -> str:
    return f"{counts.succeeded:,} succeeded, {counts.failed:,} failed, {counts.cancelled:,} cancelled"
