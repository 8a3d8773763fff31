"""The orders of tasks, and reading them in one: which fields of a filter have an index in that order, and the query for its first tasks.

An index has the tasks of an owner, of one of its kinds, of one of its batches or with one code in each order, those of each state apart.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import Enum
from itertools import product
from typing import Any, Final, NamedTuple

from headrace.contracts.tasks import State
from headrace.store.filters import Conditions, condition_of, in_states

AGES: Final = frozenset({"created_from", "created_before"})


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


def placed(conditions: Conditions, order: Order, after: Place | None) -> Conditions:
    """Return the conditions for the tasks after a place, whose value in the column of the order is known."""
    if not order.is_by_age:
        conditions = conditions._replace(common=(*conditions.common, f"{order.column} IS NOT NULL"))
    if after is None:
        return conditions
    sign = "<" if order.value[1] == "DESC" else ">"
    place = f"({order.column}, id) {sign} (:after_value, :after_id)"
    return conditions._replace(
        common=(*conditions.common, place),
        parameters=conditions.parameters | {"after_value": after.value, "after_id": after.id},
    )


def indexed_fields(conditions: Conditions, order: Order) -> frozenset[str]:
    """Return those fields of a filter by which an index has the tasks in an order."""
    if _is_of_batch_by_run(conditions, order):
        return conditions.fields & {"batch", "kind", "slower_than"}
    if not order.is_by_age:
        longer = "slower_than" if order is Order.LONGEST_RUN else "waited_longer_than"
        return conditions.fields & {longer, "kind"} if conditions.is_of_one_owner else conditions.fields & {longer}
    if not conditions.is_of_one_owner:
        return conditions.fields & AGES
    if "batch" in conditions.fields:
        return conditions.fields & (AGES | {"batch", "kind"})
    return conditions.fields & (AGES | {"code" if "code" in conditions.fields else "kind"})


def is_in_order(conditions: Conditions, order: Order) -> bool:
    """Whether an index has the tasks in this order."""
    is_known = order.is_by_age or conditions.is_of_one_owner
    return is_known and conditions.fields == indexed_fields(conditions, order)


def select_in_order(conditions: Conditions, order: Order, columns: str | None = None) -> tuple[str, dict[str, Any]]:
    """Build the query for the first tasks in an order that fulfil what an index has: one for each state, kind or code that it has apart,
    merged by Postgres.
    """
    columns = columns or columns_of(order)
    leading = _leading(conditions, order)
    values: list[str] = conditions.parameters[leading] if leading else []
    of_values = {f"{leading}_{number}": value for number, value in enumerate(values)}
    by_index, _ = conditions.split(indexed_fields(conditions, order))
    rest = [each for each in by_index if leading is None or each != condition_of(leading)]
    if _is_of_batch_by_run(conditions, order):
        alone_each: list[tuple[str, ...]] = [(in_states(conditions.states), *_of_own_batch(conditions))]
    else:
        alone_each = list(_each_alone(conditions.states, leading, of_values))
    pages = [
        f"(SELECT {columns} FROM tasks WHERE {' AND '.join((*alone, *rest))} {order.clause()} LIMIT :limit)"  # noqa: S608 - names are ours
        for alone in alone_each
    ]
    merged = f"SELECT {columns} FROM ({' UNION ALL '.join(pages)}) page {order.clause()} LIMIT :limit"  # noqa: S608 - as above
    return merged, conditions.parameters | of_values


def columns_of(order: Order) -> str:
    """Return the columns by which a task is found: that of the order, the id and the owner."""
    return f"{order.column}, id, owner"


def _is_of_batch_by_run(conditions: Conditions, order: Order) -> bool:
    """Whether the tasks are those of a batch by how long they ran, of which an index has those in all states together."""
    return order is Order.LONGEST_RUN and "batch" in conditions.fields


def _of_own_batch(conditions: Conditions) -> tuple[str, ...]:
    """Return a condition by which Postgres reads nothing of a batch of another owner, whose tasks that index has as well."""
    is_own = "(SELECT b.owner = :owner FROM batches b WHERE b.id = :batch) IS NOT FALSE"
    return (is_own,) if "owner" in conditions.parameters else ()


def _leading(conditions: Conditions, order: Order) -> str | None:
    """Return the field with several values that the index has in front of the order; None when there is none."""
    indexed = indexed_fields(conditions, order)
    # Few states have tasks with a code, and all of them have tasks of a kind or of a batch.
    if "batch" in indexed or not conditions.is_of_one_owner:
        return None
    return next((field for field in ("code", "kind") if field in indexed), None)


def _each_alone(states: tuple[State, ...], leading: str | None, values: Mapping[str, Any]) -> Iterator[tuple[str, ...]]:
    """Yield the conditions for each state together with each value of the leading field."""
    alone = [f"{leading} = :{name}" for name in values] if leading else [None]
    for state, value in product(states, alone):
        in_state = f"state = '{state}'"
        yield (in_state,) if value is None else (in_state, value)
