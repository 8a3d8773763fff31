"""Commands that change tasks, those that are named or all that a filter selects: `cancel` and `replay`."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from headrace.cli.commands.filter_options import code_option, filter_options, make_filter
from headrace.cli.commands.options import called_api, dry_run_option, per_second_option, url_option, yes_option
from headrace.cli.commands.parameter_types import ID, PAST
from headrace.contracts.filters import Filter
from headrace.contracts.tasks import FailureCode, State

_OPEN = [str(state) for state in State if not state.final]


@click.command()
@click.argument("tasks", nargs=-1, type=ID, metavar="[ID]...")
@click.option(
    *("--state", "states"), type=click.Choice(_OPEN), multiple=True, help="Only tasks in this state; may be repeated."
)
@filter_options
@dry_run_option
@per_second_option
@yes_option
@url_option
def cancel(
    tasks: tuple[str, ...],
    states: tuple[str, ...],
    kinds: tuple[str, ...],
    batch: str | None,
    schedule: str | None,
    labels: tuple[tuple[str, str], ...],
    search: str | None,
    dry_run: bool,
    per_second: float,
    yes: bool,
    url: str | None,
) -> None:
    """Cancel tasks.

    Those named, or all that are not over and that the options together describe; a whole batch at once, whatever --per-second says.
    Those that run are stopped. Exits with 2 when one of those named cannot be cancelled.
    """
    from headrace.cli.terminal.bulk import run_bulk_change
    from headrace.cli.terminal.cancel import BatchCancellation, Cancellation, cancel_tasks
    from headrace.cli.terminal.exits import run_command

    select = make_filter(kinds, batch, schedule, labels, search, states=[State(state) for state in states])
    if bool(tasks) == (select != Filter()):
        raise click.UsageError("name tasks by their ids, or describe them with --kind, --state, --batch and the like")
    if tasks:
        if dry_run:
            raise click.UsageError("--dry-run is for tasks that are described, not for those that are named")
        sys.exit(run_command(cancel_tasks(called_api(url), tasks)))
    cancellation = BatchCancellation if select == Filter(batch=batch) else Cancellation
    sys.exit(run_bulk_change(cancellation(called_api(url), select, per_second), dry_run=dry_run, yes=yes))


@click.command()
@code_option
@filter_options
@click.option("--since", type=PAST, help="Failed since then: 2h ago is 2h; or 2026-03-01T09:30:00Z.")
@click.option("--until", type=PAST, help="Failed before then.  [default: now, by the clock of the API]")
@dry_run_option
@per_second_option
@yes_option
@url_option
def replay(
    codes: tuple[str, ...],
    kinds: tuple[str, ...],
    batch: str | None,
    schedule: str | None,
    labels: tuple[tuple[str, str], ...],
    search: str | None,
    since: datetime | None,
    until: datetime | None,
    dry_run: bool,
    per_second: float,
    yes: bool,
    url: str | None,
) -> None:
    """Run failed tasks again.

    Under their ids, the oldest first, and each once, also when it fails again. After an interrupt, the same command with the --until it names does the rest.
    """
    from msgspec.structs import replace

    from headrace.cli.terminal.bulk import run_bulk_change
    from headrace.cli.terminal.replay import Replay

    select = replace(
        make_filter(kinds, batch, schedule, labels, search, states=[State.FAILED]),
        code=[FailureCode(code) for code in codes],
        finished_from=since,
        finished_before=until,
    )
    sys.exit(run_bulk_change(Replay(called_api(url), select, per_second), dry_run=dry_run, yes=yes))
