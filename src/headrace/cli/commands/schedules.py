"""Commands for schedules: `schedules`, and below it `add`, `remove`, `run`, `pause` and `resume`."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import Any

import click
import msgspec
from msgspec import Raw

from headrace.cli.commands.options import (
    called_api,
    expires_in_option,
    json_option,
    labels_option,
    max_attempts_option,
    priority_option,
    url_option,
)
from headrace.cli.commands.parameter_types import ID, INPUT, INSTANT, KIND, SPAN
from headrace.contracts.schedules import Missed, ScheduleDefinition
from headrace.contracts.tasks import Priority

_schedule_argument = click.argument("schedule", type=ID, metavar="ID")


@click.group(invoke_without_command=True)
@json_option
@url_option
@click.pass_context
def schedules(context: click.Context, json: bool, url: str | None) -> None:
    """List schedules; add, pause, resume, run and remove them."""
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.schedules import show_schedules

    if context.invoked_subcommand is None:
        sys.exit(run_command(show_schedules(called_api(url), json=json)))
    # Subcommands are given the group's --url, for those who write it before the subcommand.
    context.obj = url


@schedules.command()
@click.argument("kind", type=KIND)
@click.option("--input", type=INPUT, required=True, metavar="JSON|@FILE|-", help="A JSON object, a file, or stdin.")
@click.option("--cron", help="Second, minute, hour, day of the month, month, day of the week: '0 30 9 * * 1-5'.")
@click.option("--time-zone", default="UTC", show_default=True, help="Of --cron: Europe/Berlin.")
@click.option("--every", type=SPAN, help="Instead of --cron: 30s, 10m, 2h, 1d.")
@click.option("--name", help="For people.")
@click.option("--start-at", type=INSTANT, help="Nothing is submitted before.")
@click.option("--end-at", type=INSTANT, help="Nothing is submitted from then on.")
@click.option(
    "--missed",
    type=click.Choice([str(each) for each in Missed]),
    default=str(Missed.SKIP),
    show_default=True,
    help="What to do about firings that everything was down for.",
)
@click.option("--paused", is_flag=True, help="Submit nothing until it is resumed.")
@priority_option(Priority.NORMAL)
@expires_in_option
@max_attempts_option
@labels_option
@url_option
@click.pass_obj
def add(
    group_url: str | None,
    kind: str,
    input: Raw,
    cron: str | None,
    time_zone: str,
    every: timedelta | None,
    name: str | None,
    start_at: datetime | None,
    end_at: datetime | None,
    missed: str,
    paused: bool,
    priority: str | None,
    expires_in: timedelta | None,
    max_attempts: int | None,
    labels: tuple[tuple[str, str], ...],
    url: str | None,
) -> None:
    """Submit a task again and again. Prints the id of the schedule and its next firing."""
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.schedules import add_schedule

    _check_cron_or_every(cron, every)
    definition = ScheduleDefinition(
        kind=kind,
        input=msgspec.json.decode(input, type=dict[str, Any]),
        cron=cron,
        time_zone=time_zone,
        every=int(every.total_seconds()) if every else None,
        start_at=start_at,
        end_at=end_at,
        missed=Missed(missed),
        paused=paused,
        priority=Priority(priority or Priority.NORMAL),
        expires_in=expires_in.total_seconds() if expires_in else None,
        max_attempts=max_attempts,
        name=name,
        labels=dict(labels),
    )
    sys.exit(run_command(add_schedule(called_api(url or group_url), definition)))


@schedules.command()
@_schedule_argument
@url_option
@click.pass_obj
def remove(group_url: str | None, schedule: str, url: str | None) -> None:
    """Delete a schedule; what it has submitted is left alone."""
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.schedules import remove_schedule

    sys.exit(run_command(remove_schedule(called_api(url or group_url), schedule)))


@schedules.command("run")
@_schedule_argument
@url_option
@click.pass_obj
def run_now(group_url: str | None, schedule: str, url: str | None) -> None:
    """Submit a task as the schedule does, now; prints its id and state."""
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.schedules import run_schedule

    sys.exit(run_command(run_schedule(called_api(url or group_url), schedule)))


@schedules.command()
@_schedule_argument
@url_option
@click.pass_obj
def pause(group_url: str | None, schedule: str, url: str | None) -> None:
    """Submit nothing until the schedule is resumed."""
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.schedules import set_paused

    sys.exit(run_command(set_paused(called_api(url or group_url), schedule, paused=True)))


@schedules.command()
@_schedule_argument
@url_option
@click.pass_obj
def resume(group_url: str | None, schedule: str, url: str | None) -> None:
    """Go on submitting, with the next firing."""
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.schedules import set_paused

    sys.exit(run_command(set_paused(called_api(url or group_url), schedule, paused=False)))


def _check_cron_or_every(cron: str | None, every: timedelta | None) -> None:
    if (cron is None) == (every is None):
        raise click.UsageError("say when: either --cron or --every")
