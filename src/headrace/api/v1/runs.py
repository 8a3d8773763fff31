"""Running finished tasks again: under a new fence, with their history kept. In bulk, this is the dead-letter replay."""

from __future__ import annotations

from functools import partial

from litestar import Response, post
from msgspec import Raw

from headrace.api.auth.principal import caller
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import AnyRequest, AtLeast, location, reach, task_id
from headrace.api.state import ApiState, state_of
from headrace.api.v1.batches import find_batch
from headrace.api.v1.bulk import in_bulk
from headrace.api.v1.tasks import find_task, subject_of
from headrace.contracts.events import EventName, Queued, encode
from headrace.contracts.positions import Position
from headrace.contracts.tasks import Bulk, BulkRequest, BulkResult, Selection, State, Task, TaskSummary
from headrace.errors import AppendRefused, LogUnavailable, TaskNotFinished, TaskNotFound
from headrace.lifecycle.task_state import TaskState, read_task_state
from headrace.log import conditions, provision, subjects
from headrace.store import tasks as stored_tasks

TRIES_MAX = 5  # something of a task that is over may still arrive between looking and queueing


@post(
    "/tasks/{task:str}/runs",
    status_code=202,
    operation_id="run_task_again",
    summary="Run a finished task again",
    responses=refusals(404, 409),
)
async def run_again(request: AnyRequest, task: str) -> Response[TaskSummary]:
    """As if it were new, under its old id: from the first attempt, with its history kept."""
    api = state_of(request)
    accepted = await reopen(api, caller(request), task_id(task))
    return Response(accepted, headers=location("tasks", task))


@post(
    "/runs",
    status_code=200,
    operation_id="run_tasks_again",
    summary="Run many tasks again",
    responses=refusals(400, 422),
)
async def run_many_again(request: AnyRequest, data: BulkRequest, at_least: AtLeast = None) -> BulkResult:
    """Every final task of a selection, the oldest first; again while there are `remaining`."""
    api, owner = state_of(request), caller(request)
    await reach(api.read_model, at_least)

    return await in_bulk(api, owner, data, partial(_reopen_one, api, owner), final=True)


@post(
    "/batches/{batch:str}/runs",
    status_code=200,
    operation_id="run_batch_again",
    summary="Run the failed tasks of a batch again",
    responses=refusals(400, 404, 422),
)
async def run_batch_again(request: AnyRequest, batch: str, data: Bulk, at_least: AtLeast = None) -> BulkResult:
    """The oldest first; again while there are `remaining`. The batch is open until they are final."""
    api, owner = state_of(request), caller(request)
    await reach(api.read_model, at_least)
    found = await find_batch(api, owner, batch)
    selected = BulkRequest(
        select=Selection(batch=found.id, state=State.FAILED),
        dry_run=data.dry_run,
        limit=data.limit,
        per_second=data.per_second,
    )
    return await in_bulk(api, owner, selected, partial(_reopen_one, api, owner), final=True)


async def _reopen_one(api: ApiState, owner: str, task: str) -> int | None:
    try:
        return Position.parse((await reopen(api, owner, task)).position).sequence
    except (TaskNotFinished, TaskNotFound):
        return None  # somebody else ran it again meanwhile


async def reopen(api: ApiState, owner: str, task: str) -> TaskSummary:
    """Queue a finished task again.

    Raises:
        TaskNotFound: there is none.
        TaskNotFinished: it is not over.
        LogUnavailable: the log does not answer.
    """
    for _ in range(TRIES_MAX):
        standing = await read_task_state(api.log, owner, task)
        if standing is not None and not standing.is_over:
            raise TaskNotFinished("the task is not over; cancel it first, or wait for its end")
        known = await _submission(api, owner, task, standing)
        if not known.state.final:
            raise TaskNotFinished("the task is not over; cancel it first, or wait for its end")
        # a timer of the last run that is still there must not go off in the next
        await provision.purge(api.log.connection, subjects.task_timer(owner, task))
        fence = 0 if standing is None else standing.fence
        queued = Queued(attempt=1, fence=fence, input=known.input, max_attempts=known.max_attempts)
        headers = standing.headers if standing is not None else {}
        if known.batch:
            headers[subjects.BATCH] = known.batch
        # of several who reopen it at once, one does
        unchanged = conditions.task_unchanged(
            owner, task, standing.newest_record.sequence if standing is not None else 0
        )
        api.capacity.reserve(len(known.input))
        try:
            appended = await api.log.appender.append(
                subject_of(known).of(EventName.QUEUED), encode(queued), {**headers, **unchanged}
            )
        except AppendRefused:
            continue
        return TaskSummary(
            id=task,
            kind=known.kind,
            priority=known.priority,
            owner=owner,
            batch=known.batch,
            state=State.QUEUED,
            attempt=1,
            max_attempts=known.max_attempts,
            created_at=known.created_at,
            position=str(Position(api.log.epoch, appended.sequence)),
        )
    raise LogUnavailable("the task changes too fast to be run again; try again")


async def _submission(api: ApiState, owner: str, task: str, standing: TaskState | None) -> Task:
    """What was submitted: from the log, or when it has left that, from the read model."""
    if standing is not None and standing.finish_event is not None:
        waiting = standing.queued_event
        if standing.finish_event.withdrawn is not None:
            waiting = standing.finish_event.withdrawn.queued
        if waiting is not None:
            summary = standing.summarize(api.log.epoch)
            fields = {name: getattr(summary, name) for name in summary.__struct_fields__}
            return Task(**fields, input=waiting.input, result=Raw(b"null"))
    if standing is not None:
        return await find_task(api, owner, task)
    async with api.read_model.session() as session:
        found = await stored_tasks.find_task(session, owner, task)
    if found is None:
        raise TaskNotFound(f"there is no task {task!r}")
    return found
