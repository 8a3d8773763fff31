"""Cancelling tasks: final as soon as the log has it, whatever a worker still does."""

from __future__ import annotations

from litestar import post, put

from headrace.api.auth.principal import caller
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest, AtLeast, reach, task_id
from headrace.api.state import ApiState, state_of
from headrace.api.v1.bulk import in_bulk
from headrace.api.v1.tasks import subject_of
from headrace.contracts.events import Outcome
from headrace.contracts.positions import Position
from headrace.contracts.tasks import BulkRequest, BulkResult, State, TaskSummary
from headrace.errors import LogUnavailable, TaskFinished, TaskNotFound
from headrace.lifecycle.finishing import clear_away, end, end_forgotten
from headrace.lifecycle.task_state import read_task_state
from headrace.store import tasks as stored_tasks

TRIES_MAX = 5  # a retry or a start may come between looking and cancelling, again and again only by a miracle


@put(
    "/tasks/{task:str}/cancellation",
    operation_id="cancel_task",
    summary="Cancel a task",
    responses=refusals(404, 409),
)
async def cancel(request: AnyRequest, task: str) -> TaskSummary:
    """Pending or queued: it is never started. Running: its handler is stopped. Doing it again changes nothing."""
    return await cancel_task(state_of(request), caller(request), task_id(task))


@post(
    "/cancellations",
    status_code=200,
    operation_id="cancel_tasks",
    summary="Cancel many tasks",
    responses=refusals(400, 422),
)
async def cancel_many(request: AnyRequest, data: BulkRequest, at_least: AtLeast = None) -> BulkResult:
    """Every task of a selection that is not final, the oldest first; again while there are `remaining`."""
    api, owner = state_of(request), caller(request)
    await reach(api.read_model, at_least)

    async def cancel_one(task: str) -> int | None:
        try:
            return Position.parse((await cancel_task(api, owner, task)).position).sequence
        except (TaskFinished, TaskNotFound):
            return None  # it ended meanwhile

    return await in_bulk(api, owner, data, cancel_one, final=False)


async def cancel_task(api: ApiState, owner: str, task: str) -> TaskSummary:
    """Cancel a task and say where it stands then.

    Raises:
        TaskNotFound: there is none.
        TaskFinished: it ended otherwise.
        LogUnavailable: the log does not answer.
    """
    for _ in range(TRIES_MAX):
        standing = await read_task_state(api.log, owner, task)
        if standing is None:
            found, headers = await _remember(api, owner, task)
            if found.state is State.CANCELLED:
                return found
            if found.state.final:
                raise TaskFinished(
                    f"the task is {found.state} since long; there is nothing left to cancel", found.state
                )
            await end_forgotten(api.log, subject_of(found), attempt=found.attempt, headers=headers, by=owner)
            continue  # and see
        if not standing.is_over:
            await end(api.log, standing, by=owner)
            continue
        finished = standing.finish_event
        if finished is None or standing.finish_record is None or finished.outcome is not Outcome.CANCELLED:
            outcome = finished.outcome if finished is not None else "over"
            state = State(finished.outcome) if finished is not None else None
            raise TaskFinished(f"the task is {outcome} already; there is nothing left to cancel", state)
        await clear_away(api.log, standing.subject, finished, standing.finish_record.sequence)
        return standing.summarize(api.log.epoch)
    raise LogUnavailable("the task changes too fast to be cancelled; try again")


async def _remember(api: ApiState, owner: str, task: str) -> stored_tasks.SummaryAndHeaders:
    """A task that only the read model knows: it ended, or waits, since longer than the log keeps events.

    Raises:
        TaskNotFound: there is none.
    """
    async with api.read_model.session() as session:
        found = await stored_tasks.find_summary_and_headers(session, owner, task)
    if found is None:
        raise TaskNotFound(f"there is no task {task!r}")
    return found
