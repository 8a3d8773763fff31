"""The batches of the caller."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get
from litestar.params import Parameter, QueryParameter

from headrace.api.auth.access import access
from headrace.api.auth.principal import caller, principal_of
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.batch_list import Asked, show_batch_list
from headrace.api.edge.openapi import OfOwner, refusals
from headrace.api.edge.request import AnyRequest, AtCursor, AtLeast, OfKind
from headrace.api.mounts import Mount, belongs_to
from headrace.contracts.batches import BatchState
from headrace.contracts.screens.batches import BatchesV1
from headrace.store.batches import BatchFilter
from headrace.store.cursors import PAGE_ROWS_MAX


@get(
    "/member/batches",
    operation_id="show_batches",
    opt=access("tasks:read") | belongs_to(Mount.MEMBER),
    operation_class=OfOwner,
    summary="Batches, newest first",
    responses=SCREEN_ANSWERS | refusals(400),
)
async def show_batches(
    request: AnyRequest,
    # Litestar reserves the name `state` for its own state.
    in_state: Annotated[BatchState | None, QueryParameter(name="state")] = None,
    kind: OfKind = None,
    limit: Annotated[int, Parameter(ge=1, le=PAGE_ROWS_MAX)] = 50,
    cursor: AtCursor = None,
    at_least: AtLeast = None,
) -> Response[BatchesV1]:
    """Those of one owner, in one state and of one kind, or in any and of all."""
    owner = caller(request)
    of_other = owner != principal_of(request).id
    asked = Asked(BatchFilter(state=in_state, kind=kind), limit, cursor, at_least)
    return await show_batch_list(request, owner, asked, show_owners=of_other)
