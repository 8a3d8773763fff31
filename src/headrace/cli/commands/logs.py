"""The command that shows what a task wrote: `logs`."""

from __future__ import annotations

import sys

import click

from headrace.cli.commands.options import called_api, json_option, url_option
from headrace.cli.commands.parameter_types import ID


@click.command()
@click.argument("task", type=ID)
@click.option("--output", is_flag=True, help="The chunks that it streamed instead, each as JSON on a line.")
@json_option
@url_option
def logs(task: str, output: bool, json: bool, url: str | None) -> None:
    """Show the newest lines that a task wrote.

    Also those of a task that is over: they are kept with it where files are set up, else for an hour. A note says when earlier ones are
    missing.
    """
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.logs import show_log, show_output

    command = show_output if output else show_log
    sys.exit(run_command(command(called_api(url), task, json=json)))
