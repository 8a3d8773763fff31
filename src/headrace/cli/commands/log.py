"""Commands that read the log itself: `tail` and `lag`."""

from __future__ import annotations

import sys
from datetime import timedelta

import click

from headrace.cli.commands.options import home_option, json_option, note_unknown_settings, read_settings
from headrace.cli.commands.parameter_types import DURATION, ID, KIND
from headrace.contracts.events import EventName, Outcome


@click.command()
@click.option("--kind", type=KIND, help="Only this kind.")
@click.option("--task", type=ID, metavar="ID", help="Only this task; the end of its id, as shown, will do.")
@click.option("--event", type=click.Choice([str(each) for each in EventName]), help="Only this event.")
@click.option("--outcome", type=click.Choice([str(each) for each in Outcome]), help="Only ends with this outcome.")
@click.option("--slower-than", type=DURATION, help="Only ends of what ran for longer: 500ms, 10s, 2m, 1h.")
@click.option("--since", type=DURATION, help="Begin that long ago: 30s, 10m, 2h, 1d.  [default: now]")
@home_option
@json_option
def tail(
    kind: str | None,
    task: str | None,
    event: str | None,
    outcome: str | None,
    slower_than: timedelta | None,
    since: timedelta | None,
    home: str | None,
    json: bool,
) -> None:
    """Watch what happens to tasks, straight from the log.

    With --outcome or --slower-than, only how tasks ended; the end of a task that was never started is slower than nothing.
    """
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.tail import EventFilter, tail_log

    if outcome is not None or slower_than is not None:
        if event not in (None, EventName.FINISHED):
            raise click.UsageError(f"--outcome and --slower-than are about ends of tasks, not about {event!r}")
        event = EventName.FINISHED
    event_filter = EventFilter(
        kind=kind or "*",
        task=task or "*",
        event=event or "*",
        outcome=Outcome(outcome) if outcome else None,
        slower_than=slower_than,
    )
    settings = read_settings()
    note_unknown_settings()
    sys.exit(run_command(tail_log(settings, event_filter, home=home, since=since, json=json), interrupted=0))


@click.command()
@click.option("--lanes", is_flag=True, help="A line for each priority of a kind.")
@click.option("--all", "others", is_flag=True, help="Also the consumers that are not Headrace's.")
@click.option("--watch", is_flag=True, help="Show it again every two seconds.")
@home_option
@json_option
def lag(lanes: bool, others: bool, watch: bool, home: str | None, json: bool) -> None:
    """Show what waits and what runs, and say what is wrong.

    A line for each kind, and for each reader of the projector: how many tasks are queued, how long the oldest has waited, how many
    run (again: after a worker ended), requests of workers for more (pulls), when a worker last announced the kind, how many tasks
    are due later and when the next one is, and how long tasks waited and ran in the last hour.

    It asks NATS, and not the API: that of --home, else of HEADRACE_NATS_URL, else of the running `headrace up`. HEADRACE_URL says
    nothing about it.
    """
    from headrace.cli.terminal.exits import EXIT_INTERRUPTED, run_command
    from headrace.cli.terminal.lag.show import Shown, show_lag

    settings = read_settings()
    note_unknown_settings()
    shown = Shown(lanes=lanes, others=others, json=json, watch=watch)
    sys.exit(run_command(show_lag(settings, shown, home=home), interrupted=0 if watch else EXIT_INTERRUPTED))
