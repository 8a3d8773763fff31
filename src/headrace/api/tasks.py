"""Submitting tasks and reading them."""

from __future__ import annotations

import asyncio
import re
from datetime import UTC, datetime
from typing import Annotated, Any

import msgspec
import uuid_utils
from litestar import Request, Response, get, post
from litestar.params import Parameter

from headrace.api.caller import caller
from headrace.api.correlation import correlation_id, traceparent
from headrace.api.hub import Discontinued
from headrace.api.openapi import problems
from headrace.api.resources import Resources, resources
from headrace.contracts.events import EventName, Queued, encode
from headrace.contracts.positions import Position
from headrace.contracts.tasks import State, Submission, Task, TaskPage, TaskSummary, Timeline
from headrace.errors import InvalidPosition, TaskNotFound
from headrace.log import subjects
from headrace.log.subjects import TaskSubject
from headrace.store import tasks as read_model
from headrace.telemetry import get_logger

AT_LEAST_SECONDS = 5.0  # how long a read waits for the projector; it is a tenth of a second behind
WAIT_SECONDS_MAX = 60  # for the final state; proxies give up on silent requests about then

AnyRequest = Request[Any, Any, Any]
AtLeast = Annotated[str | None, Parameter(description="Wait until the answer reflects this position.", max_length=41)]

_TASK_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode


@post("/tasks", status_code=202, operation_id="submit_task", summary="Submit a task", responses=problems(400, 413, 422))
async def submit(request: AnyRequest, data: Submission) -> Response[TaskSummary]:
    """Accepted means it is in the log and will reach exactly one final state."""
    of = resources(request)
    kind = of.catalog.check(data.kind, data.input)
    owner, task = caller(request), str(uuid_utils.uuid7())
    subject = TaskSubject(EventName.QUEUED, data.kind, data.priority, owner, task)
    payload = encode(Queued(attempt=1, fence=0, input=msgspec.Raw(_encode(data.input)), max_attempts=kind.max_attempts))
    of.make_room(len(payload))
    appended = await of.log.appender.append(str(subject), payload, _headers(request, task))
    accepted = TaskSummary(
        id=task,
        kind=data.kind,
        priority=data.priority,
        owner=owner,
        state=State.QUEUED,
        attempt=1,
        max_attempts=kind.max_attempts,
        created_at=datetime.now(UTC),
        position=str(Position(of.log.epoch, appended.sequence)),
    )
    return Response(accepted, headers={"Location": f"/api/v1/tasks/{task}"})


@get("/tasks", operation_id="list_tasks", summary="List tasks, newest first", responses=problems(400))
async def list_tasks(
    request: AnyRequest,
    in_state: Annotated[State | None, Parameter(query="state")] = None,  # `state` is Litestar's own
    kind: Annotated[str | None, Parameter(max_length=63)] = None,
    batch: Annotated[str | None, Parameter(max_length=64)] = None,
    limit: Annotated[int, Parameter(ge=1, le=read_model.PAGE_MAX)] = 50,
    cursor: Annotated[str | None, Parameter(max_length=200, description="`next_cursor` of the page before.")] = None,
    at_least: AtLeast = None,
) -> TaskPage:
    """Inputs and results are in the detail."""
    of = resources(request)
    after = read_model.Cursor.parse(cursor) if cursor else None
    await _reach(of, at_least)
    async with of.reading() as session:
        position = await read_model.checkpoint(session) or Position(of.log.epoch, 0)
        wanted = read_model.Filter(state=in_state, kind=kind, batch=batch)
        items, following = await read_model.newest(session, caller(request), wanted, after, limit)
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
    await _reach(of, at_least)
    found = await _find(of, caller(request), task_id(task))
    if wait and not found.state.final:
        finished = await _finish(of, found, wait)
        if finished is not None:
            await of.reach(finished, AT_LEAST_SECONDS)
        found = await _find(of, caller(request), task)
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
    await _reach(of, at_least)
    found = await _find(of, caller(request), task_id(task))
    async with of.reading() as session:
        return Timeline(items=await read_model.timeline(session, task), position=found.position)


def task_id(given: str) -> str:
    """A task id as it may stand in a subject.

    Raises:
        TaskNotFound: no task has such an id.
    """
    if _TASK_ID.fullmatch(given) is None:
        raise TaskNotFound(f"there is no task {given[:80]!r}")
    return given


async def _find(of: Resources, owner: str, task: str) -> Task:
    """A task's row, waiting for the projector before it says that there is none."""
    async with of.reading() as session:
        found = await read_model.find(session, owner, task)
    if found is not None:
        return found
    state = await of.log.refresh()
    await of.reach(Position(state.epoch, state.last_sequence), AT_LEAST_SECONDS)
    async with of.reading() as session:
        found = await read_model.find(session, owner, task)
    if found is None:
        raise TaskNotFound(f"there is no task {task!r}")
    return found


async def _finish(of: Resources, task: Task, patience: float) -> Position | None:
    """Wait for a task's finish; None when it did not come in time."""
    follower = await of.hub.follow(subjects.task_events(task.owner, task.id), Position.parse(task.position))
    try:
        async with asyncio.timeout(patience):
            while not of.hub.draining:
                for frame in await follower.next(patience):
                    if frame.event == EventName.FINISHED:
                        return follower.position._replace(sequence=frame.sequence)
    except (TimeoutError, Discontinued):
        pass
    finally:
        follower.close()
    return None


async def _reach(of: Resources, at_least: str | None) -> None:
    if at_least is None:
        return
    try:
        position = Position.parse(at_least)
    except ValueError as error:
        raise InvalidPosition(f"at_least: {error}") from error
    await of.reach(position, AT_LEAST_SECONDS)


def _headers(request: AnyRequest, task: str) -> dict[str, str]:
    headers = {subjects.MSG_ID: task, subjects.CORRELATION_ID: correlation_id(request.scope)}
    if trace := traceparent(request.scope):
        headers[subjects.TRACEPARENT] = trace
    return headers
