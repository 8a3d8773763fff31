"""Finding the tasks that a filter selects: a page of them in some order, and how many they are.

An index has the tasks of an owner, of one of its kinds, of one of its batches or with one code in each order. Where a filter asks for
more, a page that is read in order could read every task and find nothing. So some of the tasks are looked for in any order at
first, for which Postgres may use whatever index has fewest. When these are all, they are sorted; when there are many, a page in
order finds some soon.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from functools import lru_cache
from itertools import product
from typing import Any, Final, NamedTuple

from sqlalchemy import TextClause, text

from headrace.contracts.tasks import State
from headrace.store.filters import Conditions
from headrace.store.snapshot import STATEMENTS_MAX, Reads

PROBED_MAX: Final = 1000  # tasks looked for in any order; to sort as many takes a millisecond

_AGES: Final = frozenset({"created_from", "created_before"})
_FINISHES: Final = frozenset({"finished_from", "finished_before"})
_IN_AGE_ORDER: Final = (frozenset({"kind"}), frozenset({"batch"}), frozenset({"batch", "kind"}), frozenset({"code"}))


class Order(Enum):
    """The order of tasks: by which column, and whether the highest comes first. Of the same value, the id decides."""

    NEWEST = ("created_at", "DESC")
    OLDEST = ("created_at", "ASC")
    LONGEST_RUN = ("run_seconds", "DESC")
    LONGEST_WAIT = ("wait_seconds", "DESC")

    @property
    def column(self) -> str:
        """The column."""
        return self.value[0]

    @property
    def is_by_age(self) -> bool:
        """Whether the column is the time of creation."""
        return self.column == "created_at"

    def clause(self) -> str:
        """Return the clause that orders."""
        return f"ORDER BY {self.column} {self.value[1]}, id {self.value[1]}"


class Place(NamedTuple):
    """Where a page begins: after the task that has this value in the column of the order, and this id."""

    value: Any
    id: str


class Found(NamedTuple):
    """A task that was found: its value in the column of the order, its id, and its owner."""

    value: Any
    id: str
    owner: str


async def find_page(
    session: Reads, conditions: Conditions, order: Order, after: Place | None, limit: int
) -> list[Found]:
    """Find the first tasks in an order.

    Args:
        session: A session.
        conditions: Which tasks.
        order: Their order. One by a duration has only those whose duration is known.
        after: Where the page begins; None for the first task.
        limit: How many tasks at most.

    Returns:
        The tasks, in this order.
    """
    if not conditions.groups():
        return []
    if not order.is_by_age:
        conditions = conditions._replace(common=(*conditions.common, f"{order.column} IS NOT NULL"))
    parameters = {**conditions.parameters, "limit": limit}
    if after is not None:
        sign = "<" if order.value[1] == "DESC" else ">"
        place = f"({order.column}, id) {sign} (:after_value, :after_id)"
        conditions = conditions._replace(common=(*conditions.common, place))
        parameters |= {"after_value": after.value, "after_id": after.id}
    if not _is_in_order(conditions, order):
        found = (await session.execute(_statement(_probe(conditions, order)), parameters)).all()
        if not found or found[0].matched <= PROBED_MAX:
            return [Found(*row[:3]) for row in found]
    query, more = _in_order(conditions, order)
    return [Found(*row) for row in await session.execute(_statement(query), parameters | more)]


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


@lru_cache(STATEMENTS_MAX)
def _statement(query: str) -> TextClause:
    """Return the statement of a query, the same for the same query: a snapshot compiles each once."""
    return text(query)


def _is_in_order(conditions: Conditions, order: Order) -> bool:
    """Whether an index has the tasks in this order."""
    if order.is_by_age:
        narrowing = conditions.fields - _AGES
        return not narrowing or (conditions.is_of_one_owner and narrowing in _IN_AGE_ORDER)
    longer = "slower_than" if order is Order.LONGEST_RUN else "waited_longer_than"
    return conditions.is_of_one_owner and conditions.fields <= {longer, "kind"}


def _is_by_finish(conditions: Conditions) -> bool:
    """Whether few tasks are best found by when they finished, because no other field has an index of its own."""
    times = conditions.fields & _FINISHES
    return bool(times) and conditions.is_of_one_owner and conditions.fields - _AGES - _FINISHES <= {"kind"}


def _probe(conditions: Conditions, order: Order) -> str:
    """Build the query for a page of those of the tasks that are found first, and for how many these are."""
    columns = f"{order.column}, id, owner"
    # Without an order, Postgres may expect to find many soon in the table itself, where an owner has had none lately.
    first = " ORDER BY finished_at" if _is_by_finish(conditions) else ""
    each = " UNION ALL ".join(
        f"(SELECT {columns} FROM tasks WHERE {group}{first} LIMIT {PROBED_MAX + 1})"  # noqa: S608 - names are ours
        for group in conditions.groups()
    )
    return (
        f"WITH found AS MATERIALIZED (SELECT * FROM ({each}) every LIMIT {PROBED_MAX + 1}) "  # noqa: S608 - as above
        f"SELECT {columns}, count(*) OVER () AS matched FROM found {order.clause()} LIMIT :limit"
    )


def _in_order(conditions: Conditions, order: Order) -> tuple[str, dict[str, Any]]:
    """Build the query for a page from an index: one for each state, kind or code that the index has apart, merged by Postgres."""
    columns = f"{order.column}, id, owner"
    leading = _leading(conditions, order)
    values: list[str] = conditions.parameters[leading] if leading else []
    parameters = {f"{leading}_{number}": value for number, value in enumerate(values)}
    rest = conditions.without(leading) if leading else conditions.common
    pages = [
        f"(SELECT {columns} FROM tasks WHERE {' AND '.join((*alone, *rest, *conditions.searching(state)))} "  # noqa: S608 - as above
        f"{order.clause()} LIMIT :limit)"
        for state, alone in _each_alone(conditions.states, leading, parameters)
    ]
    return f"SELECT {columns} FROM ({' UNION ALL '.join(pages)}) page {order.clause()} LIMIT :limit", parameters  # noqa: S608 - as above


def _leading(conditions: Conditions, order: Order) -> str | None:
    """Return the field with several values that the index has in front of the order; None when there is none."""
    if not conditions.is_of_one_owner:
        return None
    # Few states have tasks with a code, and all of them have tasks of a kind or of a batch.
    if "code" in conditions.fields and order.is_by_age:
        return "code"
    return "kind" if "kind" in conditions.fields and "batch" not in conditions.fields else None


def _each_alone(
    states: tuple[State, ...], leading: str | None, parameters: dict[str, Any]
) -> Iterator[tuple[State, tuple[str, ...]]]:
    """Yield each state together with each value of the leading field, and the conditions for the two."""
    values = [f"{leading} = :{name}" for name in parameters] if leading else [None]
    for state, value in product(states, values):
        in_state = f"state = '{state}'"
        yield state, (in_state,) if value is None else (in_state, value)
