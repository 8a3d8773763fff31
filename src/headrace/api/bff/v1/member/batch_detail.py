"""The page of one batch of the caller."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get
from litestar.params import Parameter, QueryParameter

from headrace.api.auth.access import access
from headrace.api.auth.principal import caller
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.batch_detail import ITEMS_MAX, Items, show_batch_detail
from headrace.api.edge.openapi import OfOwner, refusals
from headrace.api.edge.request import AnyRequest, AtCursor, AtLeast
from headrace.api.mounts import Mount, belongs_to
from headrace.contracts.screens.batch_detail import BatchDetailV1
from headrace.contracts.tasks import State
from headrace.store.cursors import Cursor


@get(
    "/member/batches/{batch:str}",
    operation_id="show_batch",
    opt=access("tasks:read") | belongs_to(Mount.MEMBER),
    operation_class=OfOwner,
    summary="One batch",
    responses=SCREEN_ANSWERS | refusals(400, 404),
)
async def show_batch(
    request: AnyRequest,
    batch: str,
    # Litestar reserves the name `state` for its own state.
    in_state: Annotated[State | None, QueryParameter(name="state", description="Only tasks in this state.")] = None,
    limit: Annotated[int, Parameter(ge=1, le=ITEMS_MAX)] = 50,
    cursor: AtCursor = None,
    at_least: AtLeast = None,
) -> Response[BatchDetailV1]:
    """How far it is, what went wrong, when it is done, and one page of its tasks, in one state or in any."""
    items = Items(in_state, None if cursor is None else Cursor.parse(cursor), limit)
    return await show_batch_detail(request, caller(request), batch, items, at_least)
