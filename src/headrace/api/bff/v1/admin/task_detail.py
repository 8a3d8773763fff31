"""The page of one task, whoever owns it, for administrators."""

from __future__ import annotations

from litestar import Response, get

from headrace.api.auth.access import access
from headrace.api.bff.answers import SCREEN_ANSWERS
from headrace.api.bff.task_detail import show_task_detail
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest, AtLeast
from headrace.api.mounts import Mount, belongs_to
from headrace.contracts.screens.task_detail import TaskDetailV1


@get(
    "/admin/tasks/{task:str}",
    operation_id="show_task_of_anybody",
    opt=access("admin") | belongs_to(Mount.ADMIN),
    summary="One task of anybody",
    responses=SCREEN_ANSWERS | refusals(400, 404),
)
async def show_task_of_anybody(request: AnyRequest, task: str, at_least: AtLeast = None) -> Response[TaskDetailV1]:
    """What it does, why it does not run yet, what came of it. Lines and chunks come from the log, which forgets them after an hour."""
    return await show_task_detail(request, None, task, at_least)
