"""Reading tasks."""

from __future__ import annotations

import asyncio
from typing import Annotated

from litestar import get
from litestar.params import Parameter

from headrace.api.auth.principal import caller
from headrace.api.edge.openapi import refusals
from headrace.api.edge.request import (
    AT_LEAST_SECONDS,
    WAIT_SECONDS_MAX,
    AnyRequest,
    AtCursor,
    AtLeast,
    OfKind,
    reach,
    task_id,
)
from headrace.api.state import ApiState, state_of
from headrace.api.streaming.follower import Discontinued
from headrace.contracts.events import EventName
from headrace.contracts.positions import Position
from headrace.contracts.tasks import ID_PATTERN, State, Task, TaskPage, TaskSummary, Timeline
from headrace.errors import TaskNotFound
from headrace.log import subjects
from headrace.log.subjects import TaskSubject
from headrace.store import tasks as stored_tasks
from headrace.store.checkpoints import read_checkpoint
from headrace.store.cursors import PAGE_ROWS_MAX, Cursor
from headrace.telemetry import get_logger

log = get_logger(__name__)


@get("/tasks", operation_id="list_tasks", summary="List tasks, newest first", responses=refusals(400))
async def list_tasks(
    request: AnyRequest,
    in_state: Annotated[State | None, Parameter(query="state")] = None,  # `state` is Litestar's own
    kind: OfKind = None,
    batch: Annotated[str | None, Parameter(max_length=64, pattern=ID_PATTERN)] = None,
    limit: Annotated[int, Parameter(ge=1, le=PAGE_ROWS_MAX)] = 50,
    cursor: AtCursor = None,
    at_least: AtLeast = None,
) -> TaskPage:
    """Inputs and results are in the detail."""
    api = state_of(request)
    after = Cursor.parse(cursor) if cursor else None
    await reach(api.read_model, at_least)
    async with api.read_model.session() as session:
        position = await read_checkpoint(session) or Position(api.log.epoch, 0)
        wanted = stored_tasks.TaskFilter(state=in_state, kind=kind, batch=batch)
        items, following = await stored_tasks.list_newest(session, caller(request), wanted, after, limit)
    return TaskPage(items=items, next_cursor=str(following) if following else None, position=str(position))


@get(
    "/tasks/{task:str}",
    operation_id="get_task",
    summary="One task, with input and result",
    responses=refusals(400, 404),
)
async def get_task(
    request: AnyRequest,
    task: str,
    wait: Annotated[float, Parameter(ge=0, le=WAIT_SECONDS_MAX, description="Seconds to wait for a final state.")] = 0,
    at_least: AtLeast = None,
) -> Task:
    """With `wait`, answers as soon as the task is final, or when the time is over with the state it then has."""
    api = state_of(request)
    await reach(api.read_model, at_least)
    found = await find_task(api, caller(request), task_id(task))
    if wait and not found.state.final:
        finished = await _finish(api, found, wait)
        if finished is not None:
            await api.read_model.reach(finished, AT_LEAST_SECONDS)
        found = await find_task(api, caller(request), task)
    return found


@get(
    "/tasks/{task:str}/timeline",
    operation_id="get_timeline",
    summary="What happened to a task",
    responses=refusals(400, 404),
)
async def get_timeline(request: AnyRequest, task: str, at_least: AtLeast = None) -> Timeline:
    """Progress, log lines and streamed output are not kept; follow the task to see them."""
    api = state_of(request)
    await reach(api.read_model, at_least)
    found = await find_task(api, caller(request), task_id(task))
    async with api.read_model.session() as session:
        return Timeline(items=await stored_tasks.list_timeline(session, task), position=found.position)


def subject_of(task: TaskSummary) -> TaskSubject:
    """The subject of a task's events, without the event."""
    return TaskSubject("", task.kind, task.priority, task.owner, task.id)


async def find_task(api: ApiState, owner: str, task: str) -> Task:
    """A task's row, waiting for the projector before it says that there is none."""
    async with api.read_model.session() as session:
        found = await stored_tasks.find_task(session, owner, task)
    if found is not None:
        return found
    last = await api.log.replayer.last(subjects.all_of(owner, task))
    if last is None:
        raise TaskNotFound(f"there is no task {task!r}")
    await api.read_model.reach(Position(api.log.epoch, last.sequence), AT_LEAST_SECONDS)
    async with api.read_model.session() as session:
        found = await stored_tasks.find_task(session, owner, task)
    if found is None:
        raise TaskNotFound(f"there is no task {task!r}")
    return found


async def _finish(api: ApiState, task: Task, patience: float) -> Position | None:
    """Wait for a task's finish; None when it did not come in time."""
    follower = await api.hub.follow(subjects.task_events(task.owner, task.id), Position.parse(task.position))
    try:
        async with asyncio.timeout(patience):
            while not api.hub.draining:
                try:
                    frames = await follower.next(patience)
                except Discontinued:  # the log was lost, or has lost its end: the task goes on in what it is now
                    follower.restart(Position(api.log.epoch, api.log.filled.last if api.log.filled else 0))
                    continue
                for frame in frames:
                    if frame.event == EventName.FINISHED:
                        return follower.position._replace(sequence=frame.sequence)
    except TimeoutError:
        pass
    finally:
        follower.close()
    return None
