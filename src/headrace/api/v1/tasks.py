"""Reading tasks."""

from __future__ import annotations

import asyncio
import re
from typing import Annotated, Any

from litestar import Request, get
from litestar.params import Parameter

from headrace.api.auth.principal import caller
from headrace.api.edge.openapi import problems
from headrace.api.resources import Resources, resources
from headrace.api.streaming.follower import Discontinued
from headrace.contracts.events import EventName
from headrace.contracts.positions import Position
from headrace.contracts.problems import FieldError
from headrace.contracts.tasks import ID_PATTERN, KIND_PATTERN, State, Task, TaskPage, TaskSummary, Timeline
from headrace.errors import InvalidPosition, TaskNotFound
from headrace.log import subjects
from headrace.log.subjects import TaskSubject
from headrace.store import tasks as stored_tasks
from headrace.store.checkpoints import read_checkpoint
from headrace.store.cursors import PAGE_ROWS_MAX, Cursor
from headrace.telemetry import get_logger

AT_LEAST_SECONDS = 5.0  # how long a read waits for the projector; it is a tenth of a second behind
WAIT_SECONDS_MAX = 60  # for the final state; proxies give up on silent requests about then

AnyRequest = Request[Any, Any, Any]
AtLeast = Annotated[str | None, Parameter(description="Wait until the answer reflects this position.", max_length=41)]
AtCursor = Annotated[str | None, Parameter(max_length=200, description="`next_cursor` of the page before.")]
OfKind = Annotated[str | None, Parameter(pattern=KIND_PATTERN, description="Of this kind.")]

ID = re.compile(ID_PATTERN)

log = get_logger(__name__)


@get("/tasks", operation_id="list_tasks", summary="List tasks, newest first", responses=problems(400))
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
    of = resources(request)
    after = Cursor.parse(cursor) if cursor else None
    await reach(of, at_least)
    async with of.reading() as session:
        position = await read_checkpoint(session) or Position(of.log.epoch, 0)
        wanted = stored_tasks.TaskFilter(state=in_state, kind=kind, batch=batch)
        items, following = await stored_tasks.list_newest(session, caller(request), wanted, after, limit)
    return TaskPage(items=items, next_cursor=str(following) if following else None, position=str(position))


@get(
    "/tasks/{task:str}",
    operation_id="get_task",
    summary="One task, with input and result",
    responses=problems(400, 404),
)
async def get_task(
    request: AnyRequest,
    task: str,
    wait: Annotated[float, Parameter(ge=0, le=WAIT_SECONDS_MAX, description="Seconds to wait for a final state.")] = 0,
    at_least: AtLeast = None,
) -> Task:
    """With `wait`, answers as soon as the task is final, or when the time is over with the state it then has."""
    of = resources(request)
    await reach(of, at_least)
    found = await find(of, caller(request), task_id(task))
    if wait and not found.state.final:
        finished = await _finish(of, found, wait)
        if finished is not None:
            await of.reach(finished, AT_LEAST_SECONDS)
        found = await find(of, caller(request), task)
    return found


@get(
    "/tasks/{task:str}/timeline",
    operation_id="get_timeline",
    summary="What happened to a task",
    responses=problems(400, 404),
)
async def get_timeline(request: AnyRequest, task: str, at_least: AtLeast = None) -> Timeline:
    """Progress, log lines and streamed output are not kept; follow the task to see them."""
    of = resources(request)
    await reach(of, at_least)
    found = await find(of, caller(request), task_id(task))
    async with of.reading() as session:
        return Timeline(items=await stored_tasks.list_timeline(session, task), position=found.position)


def task_id(given: str) -> str:
    """A task id as it may stand in a subject.

    Raises:
        TaskNotFound: no task has such an id.
    """
    if ID.fullmatch(given) is None:
        raise TaskNotFound(f"there is no task {given[:80]!r}")
    return given


def subject_of(task: TaskSummary) -> TaskSubject:
    """The subject of a task's events, without the event."""
    return TaskSubject("", task.kind, task.priority, task.owner, task.id)


async def find(of: Resources, owner: str, task: str) -> Task:
    """A task's row, waiting for the projector before it says that there is none."""
    async with of.reading() as session:
        found = await stored_tasks.find_task(session, owner, task)
    if found is not None:
        return found
    last = await of.log.replayer.last(subjects.all_of(owner, task))
    if last is None:
        raise TaskNotFound(f"there is no task {task!r}")
    await of.reach(Position(of.log.epoch, last.sequence), AT_LEAST_SECONDS)
    async with of.reading() as session:
        found = await stored_tasks.find_task(session, owner, task)
    if found is None:
        raise TaskNotFound(f"there is no task {task!r}")
    return found


async def _finish(of: Resources, task: Task, patience: float) -> Position | None:
    """Wait for a task's finish; None when it did not come in time."""
    follower = await of.hub.follow(subjects.task_events(task.owner, task.id), Position.parse(task.position))
    try:
        async with asyncio.timeout(patience):
            while not of.hub.draining:
                try:
                    frames = await follower.next(patience)
                except Discontinued:  # the log was lost, or has lost its end: the task goes on in what it is now
                    follower.restart(Position(of.log.epoch, of.log.filled.last if of.log.filled else 0))
                    continue
                for frame in frames:
                    if frame.event == EventName.FINISHED:
                        return follower.position._replace(sequence=frame.sequence)
    except TimeoutError:
        pass
    finally:
        follower.close()
    return None


async def reach(of: Resources, at_least: str | None) -> None:
    """Wait for the read model to reflect what the caller has seen.

    Raises:
        InvalidPosition: ``at_least`` is not a position.
        ReadModelBehind: it took too long.
    """
    if at_least is None:
        return
    try:
        position = Position.parse(at_least)
    except ValueError as error:
        errors = [FieldError(path="query at_least", message=str(error))]
        raise InvalidPosition(f"at_least: {error}", errors) from error
    await of.reach(position, AT_LEAST_SECONDS)
