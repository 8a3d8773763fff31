"""Pages of a table that is listed from its newest row on; the next page begins after the last row of the one before."""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec import Struct
from sqlalchemy import Column, Select, tuple_

from headrace.store.cursors import Cursor
from headrace.store.reading import fetch_rows
from headrace.store.snapshot import Reads

R = TypeVar("R", bound=Struct)


async def fetch_newest(
    session: Reads, row: type[R], query: Select[Any], at: Column[Any], after: Cursor | None, limit: int
) -> tuple[list[R], Cursor | None]:
    """Fetch one page.

    Args:
        session: A session.
        row: The type of the rows.
        query: Selects the columns of a row, under the conditions of the list.
        at: The column that has the time of a row. Rows of the same time are ordered by their ``id``.
        after: Where the page begins; None for the newest row.
        limit: How many rows the page has at most.

    Returns:
        The rows, newest first, and where the next page begins; None on the last page.
    """
    key = tuple_(at, at.table.c.id)
    place = query if after is None else query.where(key < tuple_(after.created_at, after.id))
    found = await fetch_rows(session, row, place.order_by(at.desc(), at.table.c.id.desc()).limit(limit + 1))
    rows = found[:limit]
    more = Cursor(getattr(rows[-1], at.name), getattr(rows[-1], "id")) if len(found) > limit else None  # noqa: B009 - R is any row with these columns
    return rows, more
