"""The routes that read tasks."""

from __future__ import annotations

import asyncio
from typing import Annotated

from litestar import get
from litestar.params import Parameter

from headrace.api.at_least import reach
from headrace.api.auth.access import access
from headrace.api.auth.authentication import check_still_good
from headrace.api.auth.principal import caller
from headrace.api.edge.openapi import OfOwner, refusal, refusals
from headrace.api.edge.request import (
    AT_LEAST_SECONDS,
    WAIT_SECONDS_MAX,
    AnyRequest,
    AtLeast,
    task_id,
)
from headrace.api.large_values import with_values
from headrace.api.state import ApiState, state_of
from headrace.api.streaming.follower import Discontinued, Follower
from headrace.api.waiting.gather import read_waiting
from headrace.contracts.attempts import Attempts
from headrace.contracts.events import EventName
from headrace.contracts.positions import Position
from headrace.contracts.tasks import Task, Timeline
from headrace.contracts.waiting import TaskWaiting
from headrace.errors import TaskNotFound
from headrace.lifecycle.attempts import fold_attempts
from headrace.log import clock, subjects
from headrace.log.agreed import last_agreed
from headrace.store import tasks as stored_tasks


@get(
    "/tasks/{task:str}",
    operation_id="get_task",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="One task, with input and result",
    responses=refusals(400, 404) | refusal(410, "The storage of files has lost the result."),
)
async def get_task(
    request: AnyRequest,
    task: str,
    wait: Annotated[float, Parameter(ge=0, le=WAIT_SECONDS_MAX, description="Seconds to wait for a final state.")] = 0,
    at_least: AtLeast = None,
) -> Task:
    """With `wait`, the answer comes as soon as the task is final. When the time is over before that, the answer has the
    state of the task at that moment. Of an input or a result of more than 8 MB, `files` says where it is.
    """
    api = state_of(request)
    await reach(api, at_least)
    found = await find_task(api, caller(request), task_id(task))
    if wait and not found.state.final:
        finished = await _wait_for_finish(api, found, wait)
        if finished is not None:
            await api.read_model.reach(finished, AT_LEAST_SECONDS)
        check_still_good(request)
        found = await find_task(api, caller(request), task)
    return await with_values(api.files.objects, found)


@get(
    "/tasks/{task:str}/timeline",
    operation_id="get_timeline",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="What happened to a task",
    responses=refusals(400, 404),
)
async def get_timeline(request: AnyRequest, task: str, at_least: AtLeast = None) -> Timeline:
    """The timeline has the events that changed the state of the task, oldest first. Progress, log lines and streamed output
    are not kept; follow the task to see them.
    """
    api = state_of(request)
    await reach(api, at_least)
    found = await find_task(api, caller(request), task_id(task))
    async with api.read_model.session() as session:
        return Timeline(items=await stored_tasks.list_timeline(session, task), position=found.position)


@get(
    "/tasks/{task:str}/attempts",
    operation_id="get_attempts",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="The attempts of a task",
    responses=refusals(400, 404),
)
async def get_attempts(request: AnyRequest, task: str, at_least: AtLeast = None) -> Attempts:
    """The timeline told attempt by attempt, of all runs, oldest first: how long each waited and ran, where, and how it ended."""
    api = state_of(request)
    await reach(api, at_least)
    found = await find_task(api, caller(request), task_id(task))
    async with api.read_model.session() as session:
        timeline = await stored_tasks.list_timeline(session, task)
    attempts, runs = fold_attempts(timeline)
    complete = len(timeline) < stored_tasks.TIMELINE_EVENTS_MAX
    return Attempts(items=attempts, runs=runs, complete=complete, position=found.position)


@get(
    "/tasks/{task:str}/waiting",
    operation_id="get_waiting",
    opt=access("tasks:read"),
    operation_class=OfOwner,
    summary="Why a task does not run yet",
    responses=refusals(400, 404),
)
async def get_waiting(request: AnyRequest, task: str, at_least: AtLeast = None) -> TaskWaiting:
    """How many tasks of all owners come before it, and when it will probably start. It asks the log and counts, so it is no part
    of the task itself; every two seconds is often enough. A log that does not answer is a reason, `log_away`.
    """
    api = state_of(request)
    await reach(api, at_least)
    found = await find_task(api, caller(request), task_id(task))
    async with api.read_model.session() as session:
        waiting = await read_waiting(api, session, found)
    return TaskWaiting(state=found.state, waiting=waiting, at=clock.now(), position=found.position)


async def find_task(api: ApiState, owner: str, task: str) -> Task:
    """Read a task from the read model. A task that only the log has is waited for.

    Raises:
        TaskNotFound: There is no such task, or it belongs to somebody else.
        ReadModelBehind: The projector did not reach the task in time.
        ReadModelUnavailable: Postgres cannot be reached.
        LogUnavailable: JetStream does not answer.
    """
    async with api.read_model.session() as session:
        found = await stored_tasks.find_task(session, owner, task)
    if found is not None:
        return found
    every_event = subjects.task_events(owner, task)
    last = await last_agreed(api.log, every_event)
    if last is None:
        raise TaskNotFound(f"there is no task {task!r}")
    await api.read_model.reach(Position(api.log.epoch, last.sequence), AT_LEAST_SECONDS)
    async with api.read_model.session() as session:
        found = await stored_tasks.find_task(session, owner, task)
    if found is None:
        raise TaskNotFound(f"there is no task {task!r}")
    return found


async def _wait_for_finish(api: ApiState, task: Task, patience: float) -> Position | None:
    """Wait until a task has finished, and return the position of that event; None when ``patience`` seconds are over."""
    follower = await api.hub.follow(subjects.task_events(task.owner, task.id), Position.parse(task.position))
    try:
        async with asyncio.timeout(patience):
            return await _follow_to_finish(api, follower, patience)
    except TimeoutError:
        return None
    finally:
        follower.close()


async def _follow_to_finish(api: ApiState, follower: Follower, patience: float) -> Position | None:
    """Follow a task until it finishes; None when the process is told to stop."""
    while not api.hub.draining:
        try:
            frames = await follower.next(patience)
        except Discontinued:
            # The log was lost, or has lost its end or its beginning: the task goes on in the log that there is now.
            begin = api.log.state.first_sequence - 1
            follower.restart(Position(api.log.epoch, max(begin, api.log.filled.last if api.log.filled else 0)))
            # What follows may be lost at once again, and everybody else has a turn in between.
            await asyncio.sleep(0)
            continue
        for frame in frames:
            if frame.event == EventName.FINISHED:
                return follower.position._replace(sequence=frame.sequence)
    return None
