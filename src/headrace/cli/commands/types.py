"""The command `types`: the types of kinds in another language."""

from __future__ import annotations

import sys

import click

from headrace.cli.commands.options import called_api, run_plainly, url_option
from headrace.cli.commands.parameter_types import KIND


@click.command()
@click.argument("kinds", type=KIND, nargs=-1)
@click.option("--ts", is_flag=True, help="In TypeScript, for @headrace/client.")
@click.option(
    "--package", metavar="NAME", help="The kinds of a Python package, without a server, instead of the API's."
)
@url_option
def types(kinds: tuple[str, ...], ts: bool, package: str | None, url: str | None) -> None:
    """Print the types of what kinds take and give.

    All kinds that the API knows, or those that are named. The same kinds give the same text, so keep it in a file that is committed.
    """
    if not ts:
        raise click.UsageError("say in which language: --ts")
    if package is not None and url is not None:
        raise click.UsageError("say either --package or --url")
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.types import show_types, show_types_of_package

    if package is not None:
        sys.exit(run_plainly(lambda: show_types_of_package(package, kinds)))
    sys.exit(run_command(show_types(called_api(url), kinds)))
