"""Finding the tasks that a filter selects: a page of them in some order, and how many they are.

Where an index has the tasks in this order, a page is read from it, see `headrace.store.task_orders`. Where a filter asks for more, a page
that is read in order could read every task and find nothing. So

- the first tasks in the order are walked through, which fills the page of a filter that many tasks fulfil,
- otherwise the tasks are looked for in any order, for which Postgres may use whatever index has fewest, and sorted when these are all,
- otherwise more tasks are walked through in the order, and at last all are sorted.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, Final, NamedTuple

from sqlalchemy import TextClause, text

from headrace.store.filters import Conditions
from headrace.store.snapshot import STATEMENTS_MAX, Reads
from headrace.store.task_orders import (
    AGES,
    Order,
    Place,
    columns_of,
    indexed_fields,
    is_in_order,
    placed,
    select_in_order,
)

WALKED_FIRST: Final = 200  # tasks looked at in order; that takes a millisecond
WALKED_FIRST_OF_ALL: Final = 1000  # the same for all owners, of which an index has more to read
WALKED_MAX: Final = 2000  # tasks looked at in order when there are many; that takes some milliseconds
COUNTED_MAX: Final = 1000  # of the tasks that a filter selects; nobody looks through more
COMMON_MIN: Final = 50  # tasks among those walked through, of which there are too many to count them for all owners

_FINISHES: Final = frozenset({"finished_from", "finished_before"})
# Of a task, what a filter says something about.
_LOOKED_AT: Final = "id, owner, title, state, kind, code, batch, schedule, fingerprint, labels, created_at, finished_at, run_seconds, wait_seconds"


class Matched(NamedTuple):
    """How many tasks a filter selects: exactly this number, or at least."""

    number: int
    exact: bool


class Found(NamedTuple):
    """A task that was found: its value in the column of the order, its id, and its owner."""

    value: Any
    id: str
    owner: str


class Walked(NamedTuple):
    """What was found among the first tasks in an order.

    Attributes:
        found: A page of it.
        matched: How many fulfil the filter.
        is_all: Whether there are no other tasks.
        are_most: Whether most of them fulfil the filter.
    """

    found: list[Found]
    matched: int
    is_all: bool
    are_most: bool


class Page(NamedTuple):
    """The first tasks in an order.

    Attributes:
        found: The tasks.
        matched: How many there are, where that was found out on the way.
        walked: Otherwise what was found among the newest tasks, if they were looked at.
    """

    found: list[Found]
    matched: Matched | None
    walked: Walked | None = None


async def find_page(
    session: Reads, conditions: Conditions, order: Order, after: Place | None, limit: int
) -> list[Found]:
    """Find the first tasks in an order; see `select_page`."""
    return (await select_page(session, conditions, order, after, limit)).found


async def select_page(session: Reads, conditions: Conditions, order: Order, after: Place | None, limit: int) -> Page:
    """Find the first tasks in an order.

    Args:
        session: A session.
        conditions: Which tasks.
        order: Their order. One by a duration has only those whose duration is known.
        after: Where the page begins; None for the first task.
        limit: How many tasks at most.

    Returns:
        The tasks, in this order, and what was learned on the way of how many there are.
    """
    if not conditions.groups():
        return Page([], Matched(0, exact=True))
    there = placed(conditions, order, after)
    if is_in_order(conditions, order):
        query, parameters = select_in_order(there, order)
        found = await session.execute(_statement(query), parameters | {"limit": limit})
        return Page([Found(*row) for row in found], None)
    page = await _find_out_of_order(session, there, order, limit)
    # The newest tasks say how many there are. Those after a place, or of which a duration is known, do not.
    return page if order is Order.NEWEST and after is None else Page(page.found, None)


async def count_matched(session: Reads, conditions: Conditions, walked: Walked | None = None) -> Matched:
    """Count tasks, as far as that takes little time.

    Args:
        session: A session.
        conditions: Which tasks.
        walked: What `select_page` has found among the newest tasks.

    Returns:
        How many there are. Those after the first `COUNTED_MAX` are not counted, and of all owners not those that many tasks are.
    """
    if not conditions.groups():
        return Matched(0, exact=True)
    if is_in_order(conditions, Order.NEWEST):
        return _bounded(await count_tasks(session, conditions, COUNTED_MAX + 1))
    if walked is None:
        walked = await _walk(session, conditions, Order.NEWEST, 1, _first(conditions))
    matched = _matched_of(walked, conditions)
    if matched is None and walked.are_most:
        matched = _matched_of(await _walk(session, conditions, Order.NEWEST, 1, WALKED_MAX), conditions)
    return matched or _bounded(await count_tasks(session, conditions, COUNTED_MAX + 1))


async def count_tasks(session: Reads, conditions: Conditions, at_most: int | None = None) -> int:
    """Count tasks; those after the first ``at_most`` are not counted."""
    groups = conditions.groups()
    if not groups:
        return 0
    limited = "" if at_most is None else " LIMIT :at_most"
    parameters = conditions.parameters if at_most is None else conditions.parameters | {"at_most": at_most}
    each = " UNION ALL ".join(f"(SELECT FROM tasks WHERE {group}{limited})" for group in groups)
    counted = f"SELECT count(*) FROM (SELECT FROM ({each}) every{limited}) counted"  # noqa: S608 - names are ours
    return await session.scalar(_statement(counted), parameters) or 0


async def _find_out_of_order(session: Reads, conditions: Conditions, order: Order, limit: int) -> Page:
    """Find the first tasks in an order in which no index has them."""
    walked = await _walk(session, conditions, order, limit, _first(conditions))
    if walked.is_all or len(walked.found) == limit:
        return Page(walked.found, _matched_of(walked, conditions), walked)
    few = (await session.execute(_statement(_few(conditions, order)), conditions.parameters | {"limit": limit})).all()
    matched = _bounded(few[0].matched if few else 0)
    if matched.exact:
        return Page([Found(*row[:3]) for row in few], matched)
    walked = await _walk(session, conditions, order, limit, WALKED_MAX)
    if len(walked.found) == limit:
        return Page(walked.found, matched)
    query = f"SELECT {columns_of(order)} FROM ({_each_group(conditions, order)}) every {order.clause()} LIMIT :limit"  # noqa: S608 - names are ours
    found = await session.execute(_statement(query), conditions.parameters | {"limit": limit})
    return Page([Found(*row) for row in found], matched)


@lru_cache(STATEMENTS_MAX)
def _statement(query: str) -> TextClause:
    """Return the statement of a query, the same for the same query: a snapshot compiles each once."""
    return text(query)


def _first(conditions: Conditions) -> int:
    return WALKED_FIRST if conditions.is_of_one_owner else WALKED_FIRST_OF_ALL


def _bounded(count: int) -> Matched:
    return Matched(min(count, COUNTED_MAX), exact=count <= COUNTED_MAX)


def _matched_of(walked: Walked, conditions: Conditions) -> Matched | None:
    """Return how many tasks there are, as far as the first ones tell; None when the others have to be counted."""
    if walked.is_all or walked.matched > COUNTED_MAX:
        return _bounded(walked.matched)
    if not conditions.is_of_one_owner and walked.matched >= COMMON_MIN:
        return Matched(walked.matched, exact=False)
    return None


async def _walk(session: Reads, conditions: Conditions, order: Order, limit: int, tasks: int) -> Walked:
    """Look through the first tasks in an order, until more fulfil the conditions than anybody counts; returns a page of them."""
    # A page of each state is merged before the conditions are looked at: in a state that has none of these tasks, all would be read.
    query, parameters = select_in_order(conditions, order, _LOOKED_AT)
    _, rest = conditions.split(indexed_fields(conditions, order))
    columns = columns_of(order)
    fits = " AND ".join(rest) or "true"
    walk = _statement(f"""
        WITH walked AS MATERIALIZED (SELECT {columns}, ({fits}) IS TRUE AS fits FROM ({query}) first),
             fitting AS MATERIALIZED (SELECT {columns} FROM walked WHERE fits LIMIT :counted)
        SELECT {columns}, n.matched,
               CASE WHEN n.matched < :counted THEN (SELECT count(*) FROM walked) END AS walked
        FROM (SELECT count(*) AS matched FROM fitting) n
        LEFT JOIN (SELECT * FROM fitting {order.clause()} LIMIT :page) page ON true
    """)  # noqa: S608 - names are ours
    sizes = {"limit": tasks, "page": limit, "counted": COUNTED_MAX + 1}
    rows = (await session.execute(walk, parameters | sizes)).all()
    found = [Found(*row[:3]) for row in rows if row.id is not None]
    matched, walked = rows[0].matched, rows[0].walked
    return Walked(found, matched, is_all=walked is not None and walked < tasks, are_most=matched * 2 >= tasks)


def _few(conditions: Conditions, order: Order) -> str:
    """Build the query for a page of those of the tasks that are found first, and for how many these are."""
    # Without an order, Postgres may expect to find many soon in the table itself, where an owner has had none lately.
    first = " ORDER BY finished_at" if _is_by_finish(conditions) else ""
    each = _each_group(conditions, order, f"{first} LIMIT {COUNTED_MAX + 1}")
    return (
        f"WITH found AS MATERIALIZED (SELECT * FROM ({each}) every LIMIT {COUNTED_MAX + 1}) "  # noqa: S608 - names are ours
        f"SELECT {columns_of(order)}, count(*) OVER () AS matched FROM found {order.clause()} LIMIT :limit"
    )


def _each_group(conditions: Conditions, order: Order, then: str = "") -> str:
    return " UNION ALL ".join(
        f"(SELECT {columns_of(order)} FROM tasks WHERE {group}{then})"  # noqa: S608 - names are ours
        for group in conditions.groups()
    )


def _is_by_finish(conditions: Conditions) -> bool:
    """Whether few tasks are best found by when they finished, because no other field has an index of its own."""
    times = conditions.fields & _FINISHES
    return bool(times) and conditions.is_of_one_owner and conditions.fields - AGES - _FINISHES <= {"kind"}
