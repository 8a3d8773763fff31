"""Running finished tasks again, one or many; see `headrace.lifecycle.reopen`. In bulk, this is the dead-letter replay."""

from __future__ import annotations

from functools import partial

from litestar import Response, post

from headrace.api.at_least import reach
from headrace.api.auth.access import access
from headrace.api.auth.authentication import check_still_good
from headrace.api.auth.principal import caller, principal_of
from headrace.api.edge.filter_parameters import check_filter
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest, AtLeast, location, task_id
from headrace.api.in_time import InTime
from headrace.api.state import ApiState, state_of
from headrace.api.v1.batches import find_batch
from headrace.api.v1.bulk import audit_selection, change_selected, owner_of_selected
from headrace.api.v1.tasks import find_task
from headrace.contracts.audit import Action
from headrace.contracts.bulk import BatchRunsRequest, BulkRequest, BulkResult
from headrace.contracts.filters import Filter
from headrace.contracts.positions import Position
from headrace.contracts.tasks import State, Task, TaskSummary
from headrace.errors import TaskNotFinished, TaskNotFound
from headrace.lifecycle.reopen import NotFinished, Reopened, reopen_task
from headrace.lifecycle.task_state import Gone, TaskState
from headrace.store import tasks as stored_tasks
from headrace.store.filtered_tasks import Found


@post(
    "/tasks/{task:str}/runs",
    status_code=202,
    operation_id="run_task_again",
    opt=access("tasks:write"),
    summary="Run a finished task again",
    responses=refusals(404, 409),
)
async def run_again(request: AnyRequest, task: str) -> Response[TaskSummary]:
    """A finished task runs again under its old id, from the first attempt. Its history is kept."""
    api = state_of(request)
    async with InTime(api.log):
        accepted = await _reopen(api, caller(request), task_id(task))
    return Response(accepted, headers=location("tasks", task))


@post(
    "/runs",
    status_code=200,
    operation_id="run_tasks_again",
    opt=access("tasks:write"),
    summary="Run many tasks again",
    responses=refusals(400, 422),
)
async def run_many_again(request: AnyRequest, data: BulkRequest, at_least: AtLeast = None) -> BulkResult:
    """Every final task that the filter selects runs again, the oldest first. Repeat the request while tasks are `remaining`, with the
    `at` of the first answer as `finished_before` in the filter: without it, tasks that end again are selected again.
    """
    api, owner = state_of(request), owner_of_selected(request, data.select)
    await reach(api, at_least)
    await audit_selection(request, Action.TASKS_RUN_AGAIN, data)
    # As many tasks are run as by a batch.
    count = partial(api.limits.count_batch, request.scope, principal_of(request).id)
    return await change_selected(api, owner, data, partial(_reopen_selected, request), final=True, count=count)


@post(
    "/batches/{batch:str}/runs",
    status_code=200,
    operation_id="run_batch_again",
    opt=access("tasks:write"),
    summary="Run the failed tasks of a batch again",
    responses=refusals(400, 404, 422),
)
async def run_batch_again(
    request: AnyRequest, batch: str, data: BatchRunsRequest, at_least: AtLeast = None
) -> BulkResult:
    """The failed tasks run again, the oldest first; the batch is open until they are final. Repeat the request while tasks are
    `remaining`, with the `at` of the first answer as `finished_before`: without it, tasks that fail again are selected again.
    """
    api, owner = state_of(request), caller(request)
    await reach(api, at_least)
    found = await find_batch(api, owner, batch)
    select = Filter(batch=found.id, state=[State.FAILED], finished_before=data.finished_before)
    check_filter(select, "/")
    selected = BulkRequest(
        select=select,
        dry_run=data.dry_run,
        limit=data.limit,
        per_second=data.per_second,
    )
    await audit_selection(request, Action.BATCH_RUN_AGAIN, selected, subject=found.id)
    # As many tasks are run as by a batch.
    count = partial(api.limits.count_batch, request.scope, principal_of(request).id)
    return await change_selected(api, owner, selected, partial(_reopen_selected, request), final=True, count=count)


async def _reopen_selected(request: AnyRequest, task: Found) -> int | None:
    # A selection takes up to half a minute, and a disabled account starts nothing new.
    check_still_good(request)
    try:
        return Position.parse((await _reopen(state_of(request), task.owner, task.id)).position).sequence
    except (TaskNotFinished, TaskNotFound):
        # Another request has run the task again since it was selected.
        return None


async def _reopen(api: ApiState, owner: str, task: str) -> TaskSummary:
    """Queue a finished task again.

    Raises:
        TaskNotFound: there is no such task.
        TaskNotFinished: the task is not over.
        LogFull: the log has no room.
        LogUnavailable: the log does not answer.
    """

    async def find_submitted(state: TaskState | None) -> Task:
        return await _find_forgotten(api, owner, task) if state is None else await find_task(api, owner, task)

    match await reopen_task(api.log, owner, task, find_submitted=find_submitted, reserve=api.capacity.reserve):
        case Reopened(summary):
            return summary
        case Gone():
            raise TaskNotFound(f"there is no task {task!r}; it was deleted")
        case NotFinished():
            raise TaskNotFinished("the task is not over; cancel it first, or wait for its end")


async def _find_forgotten(api: ApiState, owner: str, task: str) -> Task:
    """Find a task in the read model, after all its events have left the log.

    Raises:
        TaskNotFound: there is no such task.
    """
    async with api.read_model.session() as session:
        found = await stored_tasks.find_task(session, owner, task)
    if found is None:
        raise TaskNotFound(f"there is no task {task!r}")
    return found
