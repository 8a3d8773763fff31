"""The route that lists tasks: by age, or those that ran or waited longest."""

from __future__ import annotations

from typing import Annotated

from litestar import get
from litestar.params import Parameter

from headrace.api.at_least import reach
from headrace.api.auth.access import access
from headrace.api.auth.principal import caller
from headrace.api.edge.filter_parameters import Filtered, read_filter
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest, AtCursor, AtLeast
from headrace.api.list_orders import SortBy, order_of, read_place, write_place
from headrace.api.state import state_of
from headrace.contracts.positions import Position
from headrace.contracts.tasks import TaskPage
from headrace.store import tasks as stored_tasks
from headrace.store.checkpoints import read_checkpoint
from headrace.store.cursors import PAGE_ROWS_MAX
from headrace.store.filters import conditions_of


@get(
    "/tasks",
    operation_id="list_tasks",
    opt=access("tasks:read"),
    operation_class=Filtered,
    summary="List tasks, newest first",
    responses=refusals(400, 422),
)
async def list_tasks(
    request: AnyRequest,
    sort: SortBy = None,
    limit: Annotated[int, Parameter(ge=1, le=PAGE_ROWS_MAX)] = 50,
    cursor: AtCursor = None,
    at_least: AtLeast = None,
) -> TaskPage:
    """A list leaves out inputs and results; read a single task for them. `next_cursor` continues with older tasks, or with those
    that ran or waited for a shorter time, see `sort`.
    What is listed is what `select` with the same fields selects for a change of many tasks.
    """
    api, owner, wanted = state_of(request), caller(request), read_filter(request)
    conditions = conditions_of(owner, wanted)
    order = order_of(sort, wanted, conditions)
    after = read_place(cursor, order)
    await reach(api, at_least)
    async with api.read_model.snapshot() as session:
        position = await read_checkpoint(session) or Position(api.log.epoch, 0)
        items, more = await stored_tasks.list_tasks(session, conditions, order, after, limit)
    return TaskPage(items=items, next_cursor=write_place(more, order), position=str(position))
