"""Reading rows by age, a page at a time, from the indexes whose names end in `_by_age`.

Such an index has the rows of one state in the order of ``created_at`` and ``id``. A query for several states reads a page of
each, and Postgres merges them. So every filter, with or without a state, reads no more rows than a page for each state.

To build such a query takes longer than to run it, so lists build it once for each set of filters: with a `bindparam` for each
value, which is why values and bind parameters are both welcome here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Column, ColumnElement, Select, select, tuple_, union_all
from sqlalchemy.sql.base import ReadOnlyColumnCollection

from headrace.store.cursors import Cursor


def given_filters(wanted: NamedTuple) -> dict[str, object]:
    """Return the filters that have a value, by name."""
    return {name: value for name, value in wanted._asdict().items() if value is not None}


def page_parameters(after: Cursor | None, limit: int) -> dict[str, object]:
    """Return the parameters of a page: the row after which it begins, if there is one, and how many rows it has."""
    place = {} if after is None else {"after_created_at": after.created_at, "after_id": after.id}
    return {**place, "limit": limit}


def select_newest(
    columns: Sequence[Column[Any]],
    conditions: Sequence[ColumnElement[bool]],
    states: Iterable[str | BindParameter[str]],
    page: Mapping[str, BindParameter[Any]],
) -> Select[Any]:
    """Build the query for a page of the newest rows in any of these states.

    Args:
        columns: The columns to select.
        conditions: What the rows fulfil besides their state.
        states: The states.
        page: The parameters of the page, see `page_parameters`.

    Returns:
        The query.
    """
    of_table = columns[0].table.c
    if "after_id" in page:
        place = tuple_(page["after_created_at"], page["after_id"])
        conditions = [*conditions, tuple_(of_table.created_at, of_table.id) < place]
    return merge_states(columns, conditions, states, page["limit"], newest_first)


def merge_states(
    columns: Sequence[Column[Any]],
    conditions: Sequence[ColumnElement[bool]],
    states: Iterable[str | BindParameter[str]],
    limit: int | BindParameter[int],
    order: Callable[[ReadOnlyColumnCollection[str, Any]], list[ColumnElement[Any]]],
) -> Select[Any]:
    """Build the query for the first rows in any of these states, in an order in which an index has the rows of each state.

    Args:
        columns: The columns to select.
        conditions: What the rows fulfil besides their state.
        states: The states.
        limit: How many rows.
        order: Returns what to order by, of the columns of the table or of a query that selects from it.
    """
    of_table = columns[0].table.c
    ordered = select(*columns).where(*conditions).order_by(*order(of_table)).limit(limit)
    pages = [ordered.where(of_table.state == state) for state in states]
    if len(pages) == 1:
        return pages[0]
    merged = union_all(*pages).subquery()
    return select(merged).order_by(*order(merged.c)).limit(limit)


def newest_first(of: ReadOnlyColumnCollection[str, Any]) -> list[ColumnElement[Any]]:
    """Order by age, the newest first; see `merge_states`."""
    return [of.created_at.desc(), of.id.desc()]


def oldest_first(of: ReadOnlyColumnCollection[str, Any]) -> list[ColumnElement[Any]]:
    """Order by age, the oldest first; see `merge_states`."""
    return [of.created_at, of.id]
