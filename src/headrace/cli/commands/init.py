"""The command `init`, which begins a project."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path), default=".")
def init(folder: Path) -> None:
    """Write a first kind, its test, and what runs it.

    In the working directory, or in FOLDER, which is made. Nothing that is there is changed.
    """
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.starter import write_starter

    sys.exit(run_command(write_starter(folder)))
