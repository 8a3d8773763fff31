"""Commands for kinds: `kinds`, `pause` and `resume`."""

from __future__ import annotations

import sys

import click

from headrace.cli.commands.options import called_api, json_option, url_option
from headrace.cli.commands.parameter_types import KIND


@click.command()
@click.argument("kind", type=KIND, required=False)
@json_option
@url_option
def kinds(kind: str | None, json: bool, url: str | None) -> None:
    """List the kinds of task that can be submitted.

    With a KIND, what it does and the fields of its input; the whole JSON Schema with --json.
    """
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.kinds import show_kind, show_kinds

    api = called_api(url)
    sys.exit(run_command(show_kinds(api, json=json) if kind is None else show_kind(api, kind, json=json)))


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
