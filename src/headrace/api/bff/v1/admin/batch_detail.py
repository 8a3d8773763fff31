"""The page of one batch, whoever owns it, for administrators."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get
from litestar.params import Parameter, QueryParameter

from headrace.api.auth.access import access
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.batch_detail import ITEMS_MAX, Items, show_batch_detail
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest, AtCursor, AtLeast
from headrace.api.mounts import Mount, belongs_to
from headrace.contracts.screens.batch_detail import BatchDetailV1
from headrace.contracts.tasks import State
from headrace.store.cursors import Cursor


@get(
    "/admin/batches/{batch:str}",
    operation_id="show_batch_of_anybody",
    opt=access("admin") | belongs_to(Mount.ADMIN),
    summary="One batch of anybody",
    responses=SCREEN_ANSWERS | refusals(400, 404),
)
async def show_batch_of_anybody(
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
    return await show_batch_detail(request, None, batch, items, at_least)
