"""`headrace schedules`: list, add, remove, fire, pause and resume schedules."""

from __future__ import annotations

from datetime import datetime

from headrace.cli.terminal.api import Api, open_client
from headrace.cli.terminal.event_text import local_time
from headrace.cli.terminal.output import note, show, show_json, show_table
from headrace.contracts.schedules import Schedule, ScheduleDefinition


async def show_schedules(api: Api, *, json: bool) -> None:
    """Print all schedules.

    Raises:
        CommandFailed: The API refused, or cannot be reached.
    """
    async with open_client(api) as client:
        schedules = await client.schedules()
    if json:
        show_json(schedules)
    elif schedules:
        show_table(("schedule", "kind", "when", "next", "last", "name"), map(_row, schedules))
    else:
        note("there are no schedules; `headrace schedules add` makes one")


async def add_schedule(api: Api, definition: ScheduleDefinition) -> None:
    """Make a schedule, and print its id and next firing.

    Raises:
        CommandFailed: The API refused, or cannot be reached.
    """
    async with open_client(api) as client:
        schedule = await client.create_schedule(definition)
    show(f"{schedule.id} {_next_firing(schedule)}")


async def remove_schedule(api: Api, schedule: str) -> None:
    """Delete a schedule.

    Raises:
        CommandFailed: The API refused, or cannot be reached.
    """
    async with open_client(api) as client:
        await client.delete_schedule(schedule)
    show(f"{schedule} removed")


async def run_schedule(api: Api, schedule: str) -> None:
    """Submit a task now, as the schedule does, and print its id and state.

    Raises:
        CommandFailed: The API refused, or cannot be reached.
    """
    async with open_client(api) as client:
        task = await client.run_schedule(schedule)
    show(f"{task.id} {task.state}")


async def set_paused(api: Api, schedule: str, *, paused: bool) -> None:
    """Pause or resume a schedule, and print its id and next firing.

    Raises:
        CommandFailed: The API refused, or cannot be reached.
    """
    async with open_client(api) as client:
        changed = await (client.pause_schedule(schedule) if paused else client.resume_schedule(schedule))
    show(f"{changed.id} {_next_firing(changed)}")


def _row(schedule: Schedule) -> tuple[str, ...]:
    definition = schedule.definition
    when = f"every {definition.every} s" if definition.every else f"{definition.cron} {definition.time_zone}"
    last = _to_the_second(schedule.last_at) or "never"
    return schedule.id, definition.kind, when, _next_firing(schedule), last, definition.name or ""


def _next_firing(schedule: Schedule) -> str:
    if schedule.resting is not None:
        return f"rests: {schedule.resting.reason.value.replace('_', ' ')}"
    return "paused" if schedule.definition.paused else _to_the_second(schedule.next_at) or "over"


def _to_the_second(at: datetime | None) -> str:
    return local_time(at).partition(".")[0] if at else ""
