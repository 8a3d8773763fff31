"""Cancelling tasks, one or many; see `headrace.lifecycle.cancel`."""

from __future__ import annotations

from litestar import post, put

from headrace.api.at_least import reach
from headrace.api.auth.access import access
from headrace.api.auth.authentication import check_still_good
from headrace.api.auth.principal import caller
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest, AtLeast, task_id
from headrace.api.in_time import InTime
from headrace.api.state import ApiState, state_of
from headrace.api.v1.bulk import audit_selection, change_selected, owner_of_selected
from headrace.contracts.audit import Action
from headrace.contracts.bulk import BulkRequest, BulkResult
from headrace.contracts.positions import Position
from headrace.contracts.tasks import State, TaskSummary
from headrace.errors import LogUnavailable, TaskFinished, TaskNotFound
from headrace.lifecycle.cancel import AlreadyFinished, Cancelled, NotInLog, cancel_forgotten_task, cancel_task
from headrace.lifecycle.task_state import Gone, subject_of
from headrace.store import tasks as stored_tasks
from headrace.store.filtered_tasks import Found


@put(
    "/tasks/{task:str}/cancellation",
    operation_id="cancel_task",
    opt=access("tasks:write"),
    summary="Cancel a task",
    responses=refusals(404, 409),
)
async def cancel(request: AnyRequest, task: str) -> TaskSummary:
    """A pending or queued task is never started; the handler of a running task is stopped. The request may be repeated."""
    api = state_of(request)
    async with InTime(api.log):
        return await _cancel(api, caller(request), task_id(task))


@post(
    "/cancellations",
    status_code=200,
    operation_id="cancel_tasks",
    opt=access("tasks:write"),
    summary="Cancel many tasks",
    responses=refusals(400, 422),
)
async def cancel_many(request: AnyRequest, data: BulkRequest, at_least: AtLeast = None) -> BulkResult:
    """Every open task that the filter selects is cancelled, the oldest first. Repeat the request while tasks are `remaining`."""
    api, owner = state_of(request), owner_of_selected(request, data.select)
    await reach(api, at_least)

    async def cancel_one(task: Found) -> int | None:
        check_still_good(request)
        try:
            return Position.parse((await _cancel(api, task.owner, task.id)).position).sequence
        except (TaskFinished, TaskNotFound):
            # The task has ended since it was selected.
            return None

    await audit_selection(request, Action.TASKS_CANCELLED, data)
    return await change_selected(api, owner, data, cancel_one, final=False)


async def _cancel(api: ApiState, owner: str, task: str) -> TaskSummary:
    """Cancel a task and return it as it then is.

    Raises:
        TaskNotFound: there is no such task.
        TaskFinished: the task has ended otherwise.
        LogUnavailable: the log does not answer.
    """
    result = await cancel_task(api.log, owner, task)
    if isinstance(result, NotInLog):
        found, headers = await _find_forgotten(api, owner, task)
        if found.state is State.CANCELLED:
            return found
        if found.state.final:
            raise TaskFinished(f"the task is {found.state} since long; there is nothing left to cancel", found.state)
        await cancel_forgotten_task(api.log, subject_of(found), found.attempt, headers)
        result = await cancel_task(api.log, owner, task)
    match result:
        case Cancelled(summary):
            return summary
        case AlreadyFinished(state):
            raise TaskFinished(f"the task is {state or 'over'} already; there is nothing left to cancel", state)
        case Gone():
            raise TaskNotFound(f"there is no task {task!r}; it was deleted")
        case NotInLog():
            raise LogUnavailable("the task changes too fast to be cancelled; try again")


async def _find_forgotten(api: ApiState, owner: str, task: str) -> stored_tasks.SummaryAndHeaders:
    """Find a task in the read model, after all its events have left the log. It has ended, or it waits for a long time.

    Raises:
        TaskNotFound: there is no such task.
    """
    async with api.read_model.session() as session:
        found = await stored_tasks.find_summary_and_headers(session, owner, task)
    if found is None:
        raise TaskNotFound(f"there is no task {task!r}")
    return found
