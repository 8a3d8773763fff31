"""The command that makes work to look at: `demo`."""

from __future__ import annotations

import sys

import click

from headrace.cli.commands.options import called_api, url_option

SECONDS_MAX = 3600
RATE_MAX = 50


@click.command()
@click.option("--seconds", type=click.FloatRange(1, SECONDS_MAX), default=60, show_default=True, help="For how long.")
@click.option("--rate", type=click.FloatRange(0.1, RATE_MAX), default=2, show_default=True, help="Tasks per second.")
@url_option
def demo(seconds: float, rate: float, url: str | None) -> None:
    """Make a minute of mixed work, to look at it in the web app.

    Texts, tables and longer tasks, a batch, some that fail for two reasons, some that begin later, and a schedule, which is removed at
    the end. Everything has the label `from=headrace demo`.
    """
    from headrace.cli.terminal.demo import run_demo
    from headrace.cli.terminal.exits import run_command

    sys.exit(run_command(run_demo(called_api(url), seconds=seconds, rate=rate)))
