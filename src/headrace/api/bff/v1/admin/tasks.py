"""The tasks of all accounts that a filter selects, for administrators."""

from __future__ import annotations

from typing import Annotated

from litestar import Response, get
from litestar.params import Parameter

from headrace.api.auth.access import access
from headrace.api.auth.principal import caller
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.task_list import Asked, show_task_list
from headrace.api.edge.filter_parameters import Filtered
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest, AtCursor, AtLeast
from headrace.api.list_orders import SortBy
from headrace.api.mounts import Mount, belongs_to
from headrace.contracts.screens.tasks import TasksV1
from headrace.store.cursors import PAGE_ROWS_MAX
from headrace.store.tables import EVERYBODY


@get(
    "/admin/tasks",
    operation_id="show_tasks_of_everybody",
    opt=access("admin") | belongs_to(Mount.ADMIN),
    operation_class=Filtered,
    summary="Tasks of everybody that a filter selects, and how many these are",
    responses=SCREEN_ANSWERS | refusals(400, 422),
)
async def show_tasks_of_everybody(
    request: AnyRequest,
    sort: SortBy = None,
    limit: Annotated[int, Parameter(ge=1, le=PAGE_ROWS_MAX)] = 50,
    cursor: AtCursor = None,
    at_least: AtLeast = None,
) -> Response[TasksV1]:
    """Tasks of all accounts, or of one when `owner` names it; each row says whose it is."""
    owner = caller(request) if "owner" in request.query_params else EVERYBODY
    return await show_task_list(request, owner, Asked(sort, limit, cursor, at_least), show_owners=True)
