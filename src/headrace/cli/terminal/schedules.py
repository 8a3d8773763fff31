"""`headrace schedules`: what is submitted again and again."""

from __future__ import annotations

from datetime import datetime

import click
from msgspec.structs import replace

from headrace.cli.terminal.calling import explaining
from headrace.cli.terminal.events import clock, printable
from headrace.cli.terminal.output import show_json, show_table
from headrace.client import Client
from headrace.contracts.schedules import Schedule, ScheduleDefinition


async def show(url: str, *, json: bool) -> None:
    """Print all schedules.

    Raises:
        Stopped: the API cannot be reached, or refuses; likewise below.
    """
    with explaining(url):
        async with Client(url) as client:
            schedules = await client.schedules()
    if json:
        show_json(schedules)
    elif schedules:
        show_table(("schedule", "kind", "when", "next", "last", "name"), map(_row, schedules))
    else:
        click.echo("there are no schedules; `headrace schedules add` makes one", err=True)


async def add(url: str, definition: ScheduleDefinition) -> None:
    """Make a schedule and print it."""
    with explaining(url):
        async with Client(url) as client:
            _say(await client.create_schedule(definition))


async def remove(url: str, schedule: str) -> None:
    """Delete a schedule."""
    with explaining(url):
        async with Client(url) as client:
            await client.delete_schedule(schedule)
    click.echo(f"{schedule} removed")


async def run_now(url: str, schedule: str) -> None:
    """Submit a task as a schedule does, and print it."""
    with explaining(url):
        async with Client(url) as client:
            task = await client.run_schedule(schedule)
    click.echo(f"{task.id} {task.state}")


async def set_paused(url: str, schedule: str, *, paused: bool) -> None:
    """Pause or resume a schedule and print it."""
    with explaining(url):
        async with Client(url) as client:
            definition = (await client.get_schedule(schedule)).definition
            _say(await client.update_schedule(schedule, replace(definition, paused=paused)))


def _say(schedule: Schedule) -> None:
    click.echo(f"{schedule.id} {_next(schedule)}")


def _row(schedule: Schedule) -> tuple[str, ...]:
    definition = schedule.definition
    when = f"every {definition.every} s" if definition.every else f"{definition.cron} {definition.time_zone}"
    name = printable(definition.name or "")
    return schedule.id, definition.kind, printable(when), _next(schedule), _second(schedule.last_at) or "never", name


def _next(schedule: Schedule) -> str:
    return "paused" if schedule.definition.paused else _second(schedule.next_at) or "over"


def _second(at: datetime | None) -> str:
    return clock(at).partition(".")[0] if at else ""
