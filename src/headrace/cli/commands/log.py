"""Commands that read the log itself: `tail` and `lag`."""

from __future__ import annotations

import sys
from datetime import timedelta

import click

from headrace.cli.commands.options import home_option, json_option, note_unknown_settings, read_settings
from headrace.cli.commands.parameter_types import DURATION, ID, KIND
from headrace.contracts.events import EventName


@click.command()
@click.option("--kind", type=KIND, help="Only this kind.")
@click.option("--task", type=ID, metavar="ID", help="Only this task; the end of its id, as shown, will do.")
@click.option("--event", type=click.Choice([str(each) for each in EventName]), help="Only this event.")
@click.option("--since", type=DURATION, help="Begin that long ago: 30s, 10m, 2h, 1d.  [default: now]")
@home_option
@json_option
def tail(
    kind: str | None, task: str | None, event: str | None, since: timedelta | None, home: str | None, json: bool
) -> None:
    """Watch what happens to tasks, straight from the log."""
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.tail import EventFilter, tail_log

    event_filter = EventFilter(kind=kind or "*", task=task or "*", event=event or "*")
    settings = read_settings()
    note_unknown_settings()
    sys.exit(run_command(tail_log(settings, event_filter, home=home, since=since, json=json), interrupted=0))


@click.command()
@home_option
@json_option
def lag(home: str | None, json: bool) -> None:
    """Show how far each reader of the log is behind."""
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.lag import show_lag

    settings = read_settings()
    note_unknown_settings()
    sys.exit(run_command(show_lag(settings, home=home, json=json)))
