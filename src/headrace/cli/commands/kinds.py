"""Commands for kinds: `kinds`, `pause` and `resume`."""

from __future__ import annotations

import sys

import click

from headrace.cli.commands.options import called_api, json_option, url_option
from headrace.cli.commands.parameter_types import KIND


@click.command()
@json_option
@url_option
def kinds(json: bool, url: str | None) -> None:
    """List the kinds of task that can be submitted."""
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.kinds import show_kinds

    sys.exit(run_command(show_kinds(called_api(url), json=json)))


@click.command()
@click.argument("kind", type=KIND)
@url_option
def pause(kind: str, url: str | None) -> None:
    """Start no more tasks of a kind until it is resumed.

    They are still accepted, and what runs goes on.
    """
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.kinds import set_paused

    sys.exit(run_command(set_paused(called_api(url), kind, paused=True)))


@click.command()
@click.argument("kind", type=KIND)
@url_option
def resume(kind: str, url: str | None) -> None:
    """Start tasks of a paused kind again."""
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.kinds import set_paused

    sys.exit(run_command(set_paused(called_api(url), kind, paused=False)))
