"""`headrace list`: show the tasks that a filter selects."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from msgspec.structs import asdict

from headrace.cli.terminal.api import Api, open_client
from headrace.cli.terminal.event_text import local_time
from headrace.cli.terminal.output import note, show_json, show_table
from headrace.client import Client
from headrace.contracts.filters import Filter
from headrace.contracts.tasks import TaskSummary
from headrace.durations import span

PAGE_TASKS_MAX = 200  # what the API gives at most in one answer


async def show_tasks(api: Api, select: Filter, limit: int, *, json: bool) -> None:
    """Print the newest tasks of a filter, and say when there are more of them than that.

    Args:
        api: The API that is called.
        select: Which tasks.
        limit: How many at most.
        json: Whether to print JSON instead of a table.

    Raises:
        CommandFailed: The API refused, or cannot be reached.
    """
    async with open_client(api) as client, aclosing(_listed(client, select, limit)) as listed:
        tasks = [task async for task in listed]
    shown = tasks[:limit]
    if json:
        show_json(shown)
    elif shown:
        _show_table(shown, with_owner=select.owner is not None)
    else:
        note("no task matches" if select != Filter() else "there are no tasks yet; `headrace submit` makes one")
    if len(tasks) > limit:
        note(f"there are more; --limit shows more than the newest {limit:,}")


async def _listed(client: Client, select: Filter, limit: int) -> AsyncGenerator[TaskSummary]:
    """Give so many tasks, and one more when there is one."""
    left = limit + 1
    async with aclosing(client.list(page_size=min(left, PAGE_TASKS_MAX), **asdict(select))) as tasks:
        async for task in tasks:
            yield task
            left -= 1
            if not left:
                return


def _show_table(tasks: list[TaskSummary], *, with_owner: bool) -> None:
    owner = ["owner"] if with_owner else []
    show_table(
        ("task", *owner, "kind", "state", "submitted", "#ran", "title"),
        [(task.id, *([task.owner] if with_owner else []), *_row(task)) for task in tasks],
    )


def _row(task: TaskSummary) -> tuple[str, ...]:
    state = f"{task.state}: {task.error.code}" if task.state.final and task.error else str(task.state)
    submitted = local_time(task.created_at).partition(".")[0]
    ran = "" if task.run_seconds is None else span(task.run_seconds)
    return task.kind, state, submitted, ran, task.title
