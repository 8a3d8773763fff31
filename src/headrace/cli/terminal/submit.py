"""`headrace submit`: submit a task, and with --follow or --wait show its events and its result."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple

import httpx
import msgspec

from headrace.cli.terminal.api import Api, open_client
from headrace.cli.terminal.event_text import describe_durations, describe_event
from headrace.cli.terminal.exits import EXIT_TASK_FAILED
from headrace.cli.terminal.output import note, show, show_json
from headrace.cli.terminal.task_display import TaskDisplay, task_display_for
from headrace.cli.terminal.without_streams import note_no_streams
from headrace.client import RESET, Client, ProblemError
from headrace.contracts.events import EventName, Outcome
from headrace.contracts.tasks import TaskSummary


class TaskEnd(NamedTuple):
    """How a task ended: with a ``result``, or with a ``failure`` in words; and in words how long it waited and ran, where it is known."""

    result: Any = None
    failure: str | None = None
    durations: str | None = None

    @classmethod
    def from_event(cls, finished: Mapping[str, Any]) -> TaskEnd:
        """Read the fields of a `finished` event."""
        if finished.get("outcome") == Outcome.SUCCEEDED:
            return cls(result=finished.get("result"), durations=describe_durations(finished))
        # The failure in words has the time that it ran.
        waited = describe_durations({"queued_seconds": finished.get("queued_seconds")})
        return cls(failure=describe_event(EventName.FINISHED, finished), durations=waited)


async def submit_task(api: Api, submit: Callable[[Client], Awaitable[TaskSummary]], *, follow: bool, wait: bool) -> int:
    """Submit a task and print its id; with ``follow`` or ``wait``, stay until it ends and print its result.

    Args:
        api: The API that is called.
        submit: Submits the task with the client that it is given.
        follow: Show the task's events.
        wait: Show nothing until it ends.

    Returns:
        The exit code.

    Raises:
        CommandFailed: The API refused the task, or cannot be reached.
    """
    async with open_client(api) as client:
        task = await submit(client)
        (note if follow or wait else show)(f"{task.id} {task.state}")
        if not follow and not wait:
            return 0
        try:
            end = await (_follow(client, task) if follow else _wait(client, task.id))
        except (asyncio.CancelledError, ProblemError, httpx.TransportError):
            note(
                f"the task goes on; to follow it again:  headrace tail --since 1h --task {task.id}\n"
                f"its result, when there is one:         {client.url}/api/v1/tasks/{task.id}"
            )
            raise
    if end.durations:
        note(end.durations)
    if end.failure is not None:
        note(end.failure)
        return EXIT_TASK_FAILED
    show_json(end.result)
    return 0


async def _follow(client: Client, task: TaskSummary) -> TaskEnd:
    end = None
    try:
        with task_display_for(task) as display:
            end = await _show_events(client, task.id, display)
    except ProblemError as problem:
        note_no_streams(problem, client.url)
    return end or await _wait(client, task.id)


async def _show_events(client: Client, task: str, display: TaskDisplay) -> TaskEnd | None:
    """Show the task's events until its stream ends; None when its end was among the events that were missed."""
    end = None
    async with aclosing(client.follow(task)) as events:
        async for event in events:
            display.show(event)
            if event.event == EventName.FINISHED:
                is_stored = event.data.get("stored_result") is not None
                end = await _wait(client, task, event.position) if is_stored else TaskEnd.from_event(event.data)
            elif event.event == RESET and (await client.get(task)).state.final:
                break
    return end


async def _wait(client: Client, task: str, at_least: str | None = None) -> TaskEnd:
    ended = await client.ended(task, at_least=at_least)
    return TaskEnd.from_event(
        {
            "outcome": ended.state,
            "error": msgspec.to_builtins(ended.error),
            "result": msgspec.json.decode(await client.read_result(ended)),
            "queued_seconds": ended.wait_seconds,
            "run_seconds": ended.run_seconds,
        }
    )
