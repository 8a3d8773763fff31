"""The batches of all accounts, for administrators."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get
from litestar.params import Parameter, QueryParameter

from headrace.api.auth.access import access
from headrace.api.auth.principal import caller
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.batch_list import Asked, show_batch_list
from headrace.api.edge.openapi import OfAnyOwner, refusals
from headrace.api.edge.request import AnyRequest, AtCursor, AtLeast, OfKind
from headrace.api.mounts import Mount, belongs_to
from headrace.contracts.batches import BatchState
from headrace.contracts.screens.batches import BatchesV1
from headrace.store.batches import BatchFilter
from headrace.store.cursors import PAGE_ROWS_MAX
from headrace.store.tables import EVERYBODY


@get(
    "/admin/batches",
    operation_id="show_batches_of_everybody",
    opt=access("admin") | belongs_to(Mount.ADMIN),
    operation_class=OfAnyOwner,
    summary="Batches of everybody, newest first",
    responses=SCREEN_ANSWERS | refusals(400),
)
async def show_batches_of_everybody(
    request: AnyRequest,
    # Litestar reserves the name `state` for its own state.
    in_state: Annotated[BatchState | None, QueryParameter(name="state")] = None,
    kind: OfKind = None,
    limit: Annotated[int, Parameter(ge=1, le=PAGE_ROWS_MAX)] = 50,
    cursor: AtCursor = None,
    at_least: AtLeast = None,
) -> Response[BatchesV1]:
    """Batches of all accounts, or of one when `owner` names it; each row says whose it is."""
    owner = caller(request) if "owner" in request.query_params else EVERYBODY
    asked = Asked(BatchFilter(state=in_state, kind=kind), limit, cursor, at_least)
    return await show_batch_list(request, owner, asked, show_owners=True)
