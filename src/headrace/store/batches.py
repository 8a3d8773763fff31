"""The queries of the API about batches. Each is scoped to an owner; `EVERYBODY` in place of one means all where a list says so."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Select, bindparam, select, union_all

from headrace.contracts.batches import Batch, BatchState
from headrace.store import tables
from headrace.store.batch_rows import to_batch
from headrace.store.by_age import given_filters, page_parameters, select_newest
from headrace.store.cursors import Cursor
from headrace.store.reading import columns_of, fetch_row, fetch_rows
from headrace.store.snapshot import Reads
from headrace.store.tables import EVERYBODY, BatchRow

_BATCH = columns_of(tables.batches, BatchRow)
_SELECT_BATCH = select(*_BATCH).where(
    tables.batches.c.id == bindparam("batch"), tables.batches.c.owner == bindparam("owner")
)


class BatchFilter(NamedTuple):
    """Which batches a list shows; None means any."""

    state: BatchState | None = None
    kind: str | None = None


async def find_batch(session: Reads, owner: str, batch: str) -> Batch | None:
    """Find one batch of an owner."""
    row = await fetch_row(session, BatchRow, _SELECT_BATCH, {"batch": batch, "owner": owner})
    return None if row is None else to_batch(row)


async def list_newest(
    session: Reads, owner: str, wanted: BatchFilter, after: Cursor | None, limit: int
) -> tuple[list[Batch], Cursor | None]:
    """List one page of an owner's batches, newest first; `EVERYBODY` for those of all owners.

    Returns:
        The batches, and where the next page begins; None on the last page.
    """
    owned: dict[str, object] = {} if owner == EVERYBODY else {"owner": owner}
    asked = owned | given_filters(wanted) | page_parameters(after, limit + 1)
    rows = await fetch_rows(session, BatchRow, _select_newest(frozenset(asked)), asked)
    page = rows[:limit]
    more = Cursor(page[-1].created_at, page[-1].id) if len(rows) > limit else None
    return [to_batch(row) for row in page], more


async def list_open_first(session: Reads, owner: str, limit: int) -> list[Batch]:
    """List an owner's newest open batches, and then the newest that have settled."""
    rows = await fetch_rows(session, BatchRow, _select_open_first(), {"owner": owner, "limit": limit})
    return [to_batch(row) for row in rows]


@cache
def _select_open_first() -> Select[Any]:
    """Build the query, which reads a page of each state."""
    of: dict[str, BindParameter[Any]] = {name: bindparam(name) for name in ("owner", "limit")}
    owned = [tables.batches.c.owner == of["owner"]]
    each = [select_newest(_BATCH, owned, [state], of) for state in (BatchState.OPEN, BatchState.SETTLED)]
    merged = union_all(*each).subquery()
    # The names of the states are in this order.
    return select(merged).order_by(merged.c.state, merged.c.created_at.desc(), merged.c.id.desc()).limit(of["limit"])


@cache
def _select_newest(asked: frozenset[str]) -> Select[Any]:
    """Build the query for a page of the list, once for each set of parameters that lists are asked for with."""
    of: dict[str, BindParameter[Any]] = {name: bindparam(name) for name in asked}
    columns = tables.batches.c
    conditions = [columns[name] == of[name] for name in ("owner", "kind") if name in of]
    return select_newest(_BATCH, conditions, [of["state"]] if "state" in of else list(BatchState), of)
