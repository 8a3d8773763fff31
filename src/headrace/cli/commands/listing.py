"""The command that lists tasks: `list`."""

from __future__ import annotations

import sys
from datetime import datetime

import click

from headrace.cli.commands.filter_options import code_option, filter_options, make_filter
from headrace.cli.commands.options import called_api, json_option, url_option
from headrace.cli.commands.parameter_types import OWNER, PAST
from headrace.contracts.tasks import FailureCode, State

LISTED = 50  # tasks; a screen or two
LISTED_MAX = 10_000  # tasks; some megabytes, and as many as somebody reads


@click.command("list")
@click.option(
    *("--state", "states"),
    type=click.Choice([str(state) for state in State]),
    multiple=True,
    help="Only tasks in this state; may be repeated.",
)
@code_option
@filter_options
@click.option(
    "--owner",
    type=OWNER,
    metavar="ID|*",
    help="For administrators: whose tasks, or '*' for those of all.  [default: one's own]",
)
@click.option("--since", type=PAST, help="Submitted since then: 2h ago is 2h; or 2026-03-01T09:30:00Z.")
@click.option("--until", type=PAST, help="Submitted before then.")
@click.option("--limit", type=click.IntRange(1, LISTED_MAX), default=LISTED, show_default=True, help="Tasks at most.")
@json_option
@url_option
def list_tasks(
    states: tuple[str, ...],
    codes: tuple[str, ...],
    kinds: tuple[str, ...],
    batch: str | None,
    schedule: str | None,
    labels: tuple[tuple[str, str], ...],
    search: str | None,
    owner: str | None,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    json: bool,
    url: str | None,
) -> None:
    """List tasks, the newest first.

    All of one's own, or those that the options together describe. `headrace cancel` and `headrace replay` change tasks that the same options describe.
    """
    from msgspec.structs import replace

    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.task_table import show_tasks

    select = replace(
        make_filter(kinds, batch, schedule, labels, search, states=[State(state) for state in states]),
        code=[FailureCode(code) for code in codes],
        owner=owner,
        created_from=since,
        created_before=until,
    )
    sys.exit(run_command(show_tasks(called_api(url), select, limit, json=json)))
