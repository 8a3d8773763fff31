"""The batches of the caller."""

from __future__ import annotations

from functools import partial
from typing import Annotated, NamedTuple

from litestar import Response, get
from litestar.params import Parameter, QueryParameter
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.api.auth.access import access
from headrace.api.auth.principal import caller
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.composition import Composed
from headrace.api.bff.databases import FromReadModel
from headrace.api.bff.parts import Reading
from headrace.api.bff.rows import batch_rows
from headrace.api.edge.openapi import OfOwner, refusals
from headrace.api.edge.request import AnyRequest, AtCursor, AtLeast, OfKind
from headrace.api.mounts import Mount, belongs_to
from headrace.api.state import state_of
from headrace.contracts.batches import BatchState
from headrace.contracts.screens.batches import BatchesV1
from headrace.contracts.screens.rows import BatchRow
from headrace.store.batches import BatchFilter, list_newest
from headrace.store.cursors import PAGE_ROWS_MAX, Cursor


class Page(NamedTuple):
    """One page of batches, and where the next one begins."""

    items: list[BatchRow]
    next_cursor: str | None


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
    after = None if cursor is None else Cursor.parse(cursor)
    wanted = BatchFilter(state=in_state, kind=kind)
    items = Reading("items", partial(_page, caller(request), wanted, after, limit))

    def build(composed: Composed) -> BatchesV1:
        page = composed.value(items)
        return BatchesV1(
            **composed.envelope,
            items=None if page is None else page.items,
            next_cursor=None if page is None else page.next_cursor,
        )

    api = state_of(request)
    return await api.screens.show(request, BatchesV1, build, FromReadModel(api, items, at_least=at_least))


async def _page(owner: str, wanted: BatchFilter, after: Cursor | None, limit: int, session: AsyncSession) -> Page:
    found, more = await list_newest(session, owner, wanted, after, limit)
    return Page(await batch_rows(session, found, show_owners=False), str(more) if more else None)
