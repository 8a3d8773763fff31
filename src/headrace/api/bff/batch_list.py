"""The list of batches, for whoever may see them: members their own, administrators everybody's."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from litestar import Response

from headrace.api.bff.composition import Composed
from headrace.api.bff.databases import FromReadModel
from headrace.api.bff.parts import Reading
from headrace.api.bff.rows import batch_rows
from headrace.api.edge.request import AnyRequest
from headrace.api.state import state_of
from headrace.contracts.screens.batches import BatchesV1
from headrace.contracts.screens.rows import BatchRow
from headrace.store.batches import BatchFilter, list_newest
from headrace.store.cursors import Cursor
from headrace.store.snapshot import Reads


class Asked(NamedTuple):
    """Which page of which batches is asked for."""

    wanted: BatchFilter
    limit: int
    cursor: str | None
    at_least: str | None


class Page(NamedTuple):
    """One page of batches, and where the next one begins."""

    items: list[BatchRow]
    next_cursor: str | None


async def show_batch_list(request: AnyRequest, owner: str, asked: Asked, *, show_owners: bool) -> Response[BatchesV1]:
    """Answer a request with a page of batches.

    Args:
        request: The request.
        owner: Whose batches; `EVERYBODY` for those of all.
        asked: Which page of which of them.
        show_owners: Whether the rows say whose they are; for administrators only.

    Raises:
        InvalidCursor: The cursor is not one of a list by age.
    """
    after = None if asked.cursor is None else Cursor.parse(asked.cursor)
    items = Reading("items", partial(_page, owner, asked.wanted, after, asked.limit, show_owners))

    def build(composed: Composed) -> BatchesV1:
        page = composed.value(items)
        return BatchesV1(
            **composed.envelope,
            items=None if page is None else page.items,
            next_cursor=None if page is None else page.next_cursor,
        )

    api = state_of(request)
    return await api.screens.show(request, BatchesV1, build, FromReadModel(api, items, at_least=asked.at_least))


async def _page(
    owner: str, wanted: BatchFilter, after: Cursor | None, limit: int, show_owners: bool, session: Reads
) -> Page:
    found, more = await list_newest(session, owner, wanted, after, limit)
    return Page(await batch_rows(session, found, show_owners=show_owners), str(more) if more else None)
