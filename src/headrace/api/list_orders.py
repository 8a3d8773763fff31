"""The order of a list of tasks, and where its pages begin."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from litestar.params import Parameter

from headrace.contracts.filters import Filter
from headrace.contracts.problems import FieldError
from headrace.contracts.tasks import TaskOrder
from headrace.errors import InvalidInput
from headrace.store.cursors import Cursor, DurationCursor
from headrace.store.filters import Conditions
from headrace.store.task_orders import Order, Place

SortBy = Annotated[
    TaskOrder | None,
    Parameter(
        description="By age, or by how long tasks ran or waited: that list is of one owner, and has only the tasks of which it is known. "
        "Left out, `slower_than` and `waited_longer_than` list the tasks of one owner by that, and those of all owners by age."
    ),
]

_ORDERS = {
    TaskOrder.NEWEST: Order.NEWEST,
    TaskOrder.LONGEST_RUN: Order.LONGEST_RUN,
    TaskOrder.LONGEST_WAIT: Order.LONGEST_WAIT,
}


def order_of(sort: TaskOrder | None, wanted: Filter, conditions: Conditions) -> Order:
    """Return the order of a list: the one that is asked for, else that of a duration in the filter, else by age.

    Raises:
        InvalidInput: The tasks of all owners are asked for by a duration.
    """
    order = Order.NEWEST
    if sort is not None:
        order = _ORDERS[sort]
    elif conditions.is_of_one_owner and wanted.slower_than is not None:
        order = Order.LONGEST_RUN
    elif conditions.is_of_one_owner and wanted.waited_longer_than is not None:
        order = Order.LONGEST_WAIT
    if not order.is_by_age and not conditions.is_of_one_owner:
        # No index has them in this order, so every task would be read.
        message = "the tasks of all owners are listed by age; leave it out, or name an owner"
        raise InvalidInput(f"sort: {message}", [FieldError(path="query sort", message=message)])
    return order


def read_place(cursor: str | None, order: Order) -> Place | None:
    """Read where a page begins; None for the first one.

    Raises:
        InvalidCursor: The cursor is not one of a list in this order.
    """
    if cursor is None:
        return None
    return Place(*(Cursor if order.is_by_age else DurationCursor).parse(cursor))


def write_place(place: Place | None, order: Order) -> str | None:
    """Write where the next page begins; None when there is none."""
    if place is None:
        return None
    if order.is_by_age:
        created_at: datetime = place.value
        return str(Cursor(created_at, place.id))
    return str(DurationCursor(place.value, place.id))
