"""What the handler of a task wrote: lines and streamed chunks, from the log while that has them, and then from what was kept."""

from __future__ import annotations

from litestar import get

from headrace.api.at_least import reach
from headrace.api.auth.access import access
from headrace.api.auth.principal import caller
from headrace.api.edge.openapi import OfOwner, refusals
from headrace.api.edge.request import AnyRequest, AtLeast, task_id
from headrace.api.kept_output import join_chunks, join_lines, read_kept_chunks, read_kept_lines
from headrace.api.state import ApiState, state_of
from headrace.api.task_output import first_start, has_whole_output, read_chunks, read_lines
from headrace.api.v1.tasks import find_task
from headrace.contracts.kept_output import KEPT_BYTES_MAX
from headrace.contracts.screens.task_detail import TaskLog, TaskOutput
from headrace.contracts.tasks import Task
from headrace.lifecycle.attempts import fold_attempts
from headrace.log import clock
from headrace.store.tasks import list_timeline


@get(
    "/tasks/{task:str}/log",
    operation_id="get_log",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="The lines that a task wrote",
    responses=refusals(400, 404),
)
async def get_log(request: AnyRequest, task: str, at_least: AtLeast = None) -> TaskLog:
    """The newest lines, oldest first. They are kept as long as the task where files are set up, else for an hour. A task that was
    cancelled keeps none.
    """
    api = state_of(request)
    await reach(api, at_least)
    found = await find_task(api, caller(request), task_id(task))
    lines = await read_lines(api.log, found.owner, found.id)
    kept = await read_kept_lines(api.files.objects, found)
    return join_lines(kept, lines, found, log_is_whole=await _is_whole(api, found))


@get(
    "/tasks/{task:str}/output",
    operation_id="get_output",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="The chunks that a task streamed",
    responses=refusals(400, 404),
)
async def get_output(request: AnyRequest, task: str, at_least: AtLeast = None) -> TaskOutput:
    """The newest chunks, in order; they are kept as lines are, see `/tasks/{task}/log`. To go on live, follow the task after
    `position`.
    """
    api = state_of(request)
    await reach(api, at_least)
    found = await find_task(api, caller(request), task_id(task))
    chunks = await read_chunks(api.log, found.owner, found.id, KEPT_BYTES_MAX)
    kept = await read_kept_chunks(api.files.objects, found)
    is_whole = await _is_whole(api, found)
    return join_chunks(kept, chunks, found, log_is_whole=is_whole, bytes_max=KEPT_BYTES_MAX)


async def _is_whole(api: ApiState, task: Task) -> bool:
    """Whether the log still has all that the task wrote."""
    async with api.read_model.session() as session:
        timeline = await list_timeline(session, task.id)
    return has_whole_output(api.log, fold_attempts(timeline).attempts, first_start(timeline), clock.now())
