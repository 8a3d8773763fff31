"""Commands for files: `files`, and below it `ls`, `get`, `put`, `rm` and `sweep`."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from headrace.cli.commands.options import (
    called_api,
    home_option,
    json_option,
    note_unknown_settings,
    read_settings,
    url_option,
)
from headrace.cli.commands.parameter_types import ID, PLACE

LISTED = 50  # files; a screen or two
LISTED_MAX = 10_000  # files; as many as somebody reads

_files_argument = click.argument("files", type=ID, nargs=-1, required=True, metavar="ID...")


@click.group()
def files() -> None:
    """Upload, list, download and delete files."""


@files.command("ls")
@click.argument("search", required=False)
@click.option("--task", type=ID, metavar="ID", help="Only files that this task has produced.")
@click.option("--limit", type=click.IntRange(1, LISTED_MAX), default=LISTED, show_default=True, help="Files at most.")
@json_option
@url_option
def list_files(search: str | None, task: str | None, limit: int, json: bool, url: str | None) -> None:
    """List files, the newest first.

    All of them, or those with SEARCH in their name.
    """
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.files import show_files

    sys.exit(run_command(show_files(called_api(url), search, task, limit, json=json)))


@files.command()
@click.argument("file", type=ID, metavar="ID")
@click.argument("to", type=PLACE, required=False)
@url_option
def get(file: str, to: Path | None, url: str | None) -> None:
    """Download a file.

    It has its own name, in the directory TO or in this one; or TO is what it is called here.
    """
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.files import get_file

    sys.exit(run_command(get_file(called_api(url), file, to)))


@files.command()
@click.argument("paths", type=click.Path(exists=True, dir_okay=False, path_type=Path), nargs=-1, required=True)
@click.option("--name", help="What it is called.  [default: its own name]")
@click.option("--type", "media_type", metavar="TYPE", help="Its type, as text/csv.  [default: by its name]")
@url_option
def put(paths: tuple[Path, ...], name: str | None, media_type: str | None, url: str | None) -> None:
    """Upload files, and print their ids.

    An upload that was interrupted goes on where it stopped when the same file is given again.
    """
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.files import put_files

    if name is not None and len(paths) > 1:
        raise click.UsageError("--name is for one file")
    sys.exit(run_command(put_files(called_api(url), paths, name, media_type)))


@files.command()
@_files_argument
@url_option
def rm(files: tuple[str, ...], url: str | None) -> None:
    """Delete files."""
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.files import remove_files

    sys.exit(run_command(remove_files(called_api(url), files)))


@files.command()
@click.option("--dry-run", is_flag=True, help="Only say what would be removed.")
@click.option("--most", is_flag=True, help="Remove also when it is most of what there is.")
@home_option
def sweep(dry_run: bool, most: bool, home: str | None) -> None:
    """Remove what belongs to nothing any more.

    The API does so every night. Uploads that were not completed, objects without a file, files without an object. It needs the settings of the API.
    """
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.file_sweep import sweep_files

    settings = read_settings()
    note_unknown_settings()
    sys.exit(run_command(sweep_files(settings, home, removes=not dry_run, removes_most=most)))
