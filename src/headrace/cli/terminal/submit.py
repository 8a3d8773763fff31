"""`headrace submit`: hand in a task, and see what becomes of it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple

import click
import httpx
import msgspec

from headrace.cli.terminal.calling import explaining
from headrace.cli.terminal.events import what_matters
from headrace.cli.terminal.following import Display, display_for
from headrace.cli.terminal.output import show_json
from headrace.cli.terminal.stopped import EXIT_TASK_FAILED
from headrace.client import RESET, Client, ProblemError, TaskFailed
from headrace.contracts.events import EventName, Outcome
from headrace.contracts.tasks import TaskSummary


class Ended(NamedTuple):
    """How a task ended: with a result, or with a ``failure`` in words."""

    result: Any = None
    failure: str | None = None

    @classmethod
    def of(cls, finished: Mapping[str, Any]) -> Ended:
        """From the fields of `finished`."""
        if finished["outcome"] == Outcome.SUCCEEDED:
            return cls(result=finished.get("result"))
        return cls(failure=what_matters(EventName.FINISHED, finished))


async def submit(url: str, submitting: Callable[[Client], Awaitable[TaskSummary]], *, follow: bool, wait: bool) -> int:
    """Submit a task and print it; with ``follow`` or ``wait``, stay to its end and print its result.

    Args:
        url: Where the API is.
        submitting: Submits it.
        follow: Show what happens to it.
        wait: Show nothing until its end.

    Returns:
        The exit code.

    Raises:
        Stopped: it was refused, or the API cannot be reached.
    """
    with explaining(url):
        async with Client(url) as client:
            task = await submitting(client)
            click.echo(f"{task.id} {task.state}", err=follow or wait)
            if not follow and not wait:
                return 0
            try:
                ended = await (_follow(client, task.id, display_for(task)) if follow else _wait(client, task.id))
            except (asyncio.CancelledError, ProblemError, httpx.TransportError):
                click.echo(
                    f"the task goes on; to follow it again:  headrace tail --since 1h --task {task.id}\n"
                    f"its result, when there is one:         {client.url}/api/v1/tasks/{task.id}",
                    err=True,
                )
                raise
    if ended.failure is not None:
        click.echo(ended.failure, err=True)
        return EXIT_TASK_FAILED
    show_json(ended.result)
    return 0


async def _follow(client: Client, task: str, display: Display) -> Ended:
    ended = None
    with display:
        async with aclosing(client.follow(task)) as events:
            async for event in events:
                display.show(event)
                if event.event == EventName.FINISHED:
                    ended = Ended.of(event.data)
                elif event.event == RESET and (await client.get(task)).state.final:
                    break  # the end was among what was missed
    return ended or await _wait(client, task)


async def _wait(client: Client, task: str) -> Ended:
    try:
        return Ended(result=await client.result(task))
    except TaskFailed as failed:
        return Ended.of({"outcome": failed.task.state, "error": msgspec.to_builtins(failed.task.error)})
