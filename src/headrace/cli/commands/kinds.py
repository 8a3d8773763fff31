"""Commands for kinds."""

from __future__ import annotations

import sys

import click

from headrace.cli.commands.options import api_of, json_option, url_option
from headrace.cli.terminal.arguments import KIND


@click.command()
@json_option
@url_option
def kinds(json: bool, url: str | None) -> None:
    """List the kinds of task that can be submitted."""
    from headrace.cli.terminal.kinds import show_kinds
    from headrace.cli.terminal.stopped import run

    sys.exit(run(show_kinds(api_of(url), json=json)))


@click.command()
@click.argument("kind", type=KIND)
@url_option
def pause(kind: str, url: str | None) -> None:
    """Start no more tasks of a kind until it is resumed; they are still accepted, and what runs goes on."""
    from headrace.cli.terminal.pause import set_paused
    from headrace.cli.terminal.stopped import run

    sys.exit(run(set_paused(api_of(url), kind, paused=True)))


@click.command()
@click.argument("kind", type=KIND)
@url_option
def resume(kind: str, url: str | None) -> None:
    """Start tasks of a paused kind again."""
    from headrace.cli.terminal.pause import set_paused
    from headrace.cli.terminal.stopped import run

    sys.exit(run(set_paused(api_of(url), kind, paused=False)))
