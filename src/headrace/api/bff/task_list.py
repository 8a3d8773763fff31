"""The list of tasks, for whoever may see them: members their own, administrators everybody's."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from litestar import Response
from msgspec.structs import replace

from headrace.api.bff.composition import Composed
from headrace.api.bff.databases import FromReadModel
from headrace.api.bff.parts import Reading
from headrace.api.bff.rows import task_rows
from headrace.api.edge.filter_parameters import read_filter
from headrace.api.edge.request import AnyRequest
from headrace.api.list_orders import order_of, read_place, write_place
from headrace.api.state import state_of
from headrace.contracts.batches import Counts
from headrace.contracts.counts import OwnerCounts
from headrace.contracts.filters import ANY_OWNER
from headrace.contracts.screens.rows import TaskRow
from headrace.contracts.screens.tasks import Facets, Matched, TasksV1
from headrace.contracts.tasks import State, TaskOrder
from headrace.store import filtered_tasks
from headrace.store.counts import read_counts
from headrace.store.filtered_tasks import count_matched, select_page
from headrace.store.filters import Conditions, conditions_of
from headrace.store.snapshot import Reads
from headrace.store.tables import EVERYBODY
from headrace.store.task_orders import Order, Place
from headrace.store.tasks import read_page


class Asked(NamedTuple):
    """Which page of the list is asked for."""

    sort: TaskOrder | None
    limit: int
    cursor: str | None
    at_least: str | None


class Page(NamedTuple):
    """One page of tasks, and where the next one begins."""

    items: list[TaskRow]
    next_cursor: str | None


async def show_task_list(request: AnyRequest, owner: str, asked: Asked, *, show_owners: bool) -> Response[TasksV1]:
    """Answer a request with a page of tasks.

    Args:
        request: The request, whose query has the filter.
        owner: Whose tasks; `EVERYBODY` for those of all.
        asked: Which page of them.
        show_owners: Whether the rows, and the filter that is sent back, say whose they are; for administrators only.

    Raises:
        MalformedRequest: A field of the filter cannot be read.
        InvalidInput: The tasks of all owners are asked for by a duration.
        InvalidCursor: The cursor is not one of a list in this order.
    """
    wanted = read_filter(request)
    conditions = conditions_of(owner, wanted)
    order = order_of(asked.sort, wanted, conditions)
    place = read_place(asked.cursor, order)
    listed = _Listed(owner, conditions, show_owners=show_owners)
    items = Reading("items", partial(listed.page, order, place, asked.limit))
    matched, facets = Reading("matched", listed.matched), Reading("facets", listed.facets)
    named = (ANY_OWNER if owner == EVERYBODY else owner) if show_owners else None

    def build(composed: Composed) -> TasksV1:
        page = composed.value(items)
        return TasksV1(
            **composed.envelope,
            filter=replace(wanted, owner=named),
            items=None if page is None else page.items,
            next_cursor=None if page is None else page.next_cursor,
            matched=composed.value(matched),
            facets=composed.value(facets),
        )

    api = state_of(request)
    readings = (items, matched, facets) if _is_counted(conditions) else (items, matched)
    # Which index has the fewest tasks of a filter depends on its values.
    source = FromReadModel(api, *readings, at_least=asked.at_least, keeps_plans=False)
    return await api.screens.show(request, TasksV1, build, source)


class _Listed:
    """What the parts of one page share, because they are read in one snapshot: the counts of the owner, and how many the filter selects."""

    def __init__(self, owner: str, conditions: Conditions, *, show_owners: bool) -> None:
        self._owner = owner
        self._conditions = conditions
        self._show_owners = show_owners
        self._counts: OwnerCounts | None = None
        self._found: filtered_tasks.Page | None = None

    async def page(self, order: Order, after: Place | None, limit: int, session: Reads) -> Page:
        """Read one page of the tasks."""
        found = await select_page(session, self._conditions, order, after, limit + 1)
        self._found = found
        listed, more = await read_page(session, found.found, limit)
        return Page(await task_rows(session, listed, show_owners=self._show_owners), write_place(more, order))

    async def matched(self, session: Reads) -> Matched:
        """Read how many tasks these are; a page of them was read before."""
        if _is_counted(self._conditions):
            counted = facets_of(await self._read_counts(session), self._conditions).state
            return Matched(count=sum(getattr(counted, state) for state in self._conditions.states), exact=True)
        matched, walked = (None, None) if self._found is None else (self._found.matched, self._found.walked)
        matched = matched or await count_matched(session, self._conditions, walked)
        return Matched(count=matched.number, exact=matched.exact)

    async def facets(self, session: Reads) -> Facets:
        """Read how many there are in each state and of each kind."""
        return facets_of(await self._read_counts(session), self._conditions)

    async def _read_counts(self, session: Reads) -> OwnerCounts:
        if self._counts is None:
            self._counts = await read_counts(session, self._owner)
        return self._counts


def _is_counted(conditions: Conditions) -> bool:
    """Whether the table of counts says how many tasks these are."""
    return conditions.fields <= {"kind"}


def facets_of(found: OwnerCounts, conditions: Conditions) -> Facets:
    """Return how many tasks there are in each state, of the kinds of a filter, and of each kind, in its states."""
    kinds: list[str] | None = conditions.parameters.get("kind")
    of_kinds = [found.counts] if kinds is None else [found.kinds[kind] for kind in kinds if kind in found.kinds]
    in_each = {state.value: sum(getattr(each, state) for each in of_kinds) for state in State}
    in_states = {
        kind: sum(getattr(each, state) for state in conditions.states) for kind, each in sorted(found.kinds.items())
    }
    return Facets(state=Counts(**in_each), kind={kind: count for kind, count in in_states.items() if count})
