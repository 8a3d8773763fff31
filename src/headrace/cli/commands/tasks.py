"""Commands that submit tasks, `submit` and `batch`, and the one that reads what became of a batch, `results`."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import click
from msgspec import Raw

from headrace.cli.commands.options import (
    called_api,
    expires_in_option,
    key_option,
    labels_option,
    max_attempts_option,
    priority_option,
    url_option,
)
from headrace.cli.commands.parameter_types import DURATION, ID, INPUT, INSTANT, KIND, LINES
from headrace.contracts.tasks import Priority, TaskSummary

if TYPE_CHECKING:
    from headrace.client import Client


@click.command()
@click.argument("kind", type=KIND)
@click.option("--input", type=INPUT, metavar="JSON|@FILE|-", help="A JSON object, a file, or stdin.")
@click.option(
    "--file",
    "files",
    multiple=True,
    metavar="[FIELD=]PATH",
    help="Upload a file, and put it into the input; may be repeated, for other fields or a list.",
)
@click.option("--results-of", type=ID, metavar="BATCH", help="Put the results of a settled batch into the input.")
@priority_option(Priority.NORMAL)
@click.option("--delay", type=DURATION, help="Run it that much later: 30s, 10m, 2h, 1d.")
@click.option("--at", type=INSTANT, help="Run it then: 2026-03-01T09:30:00Z.")
@expires_in_option
@max_attempts_option
@labels_option
@key_option("task")
@click.option("--follow", is_flag=True, help="Show it live, then print its result.")
@click.option("--wait", is_flag=True, help="Wait for its end, then print its result.")
@url_option
def submit(
    kind: str,
    input: Raw | None,
    files: tuple[str, ...],
    results_of: str | None,
    priority: str | None,
    delay: timedelta | None,
    at: datetime | None,
    expires_in: timedelta | None,
    max_attempts: int | None,
    labels: tuple[tuple[str, str], ...],
    key: str | None,
    follow: bool,
    wait: bool,
    url: str | None,
) -> None:
    """Submit a task.

    Prints its id and state; with --follow or --wait, only its result goes to standard output. Exits with 1 when the task
    failed, 2 when it was refused, 3 when the API cannot be reached.
    """
    from headrace.cli.terminal.exits import run_command
    from headrace.cli.terminal.input_files import with_files
    from headrace.cli.terminal.submit import submit_task

    _check_alternatives(follow, wait, delay, at)

    terms: dict[str, Any] = {"priority": Priority(priority) if priority else None, "run_at": at, "delay": delay}
    terms |= {"expires_in": expires_in, "max_attempts": max_attempts, "labels": dict(labels), "key": key}

    async def submit_with_files(client: Client) -> TaskSummary:
        given = Raw(b"{}") if input is None and results_of else input
        return await client.submit(kind, await with_files(client, kind, given, files), results_of=results_of, **terms)

    sys.exit(run_command(submit_task(called_api(url), submit_with_files, follow=follow, wait=wait)))


@click.command()
@click.argument("kind", type=KIND)
@click.argument("paths", type=click.Path(exists=True, dir_okay=False, path_type=Path), nargs=-1, metavar="[FILE]...")
@click.option("--input", type=LINES, metavar="@FILE|-", help="A JSON object a line, of a file or stdin.")
@click.option("--besides", type=INPUT, metavar="JSON|@FILE|-", help="Of files: what each input has besides.")
@click.option("--field", help="Of files: the field that has the file, of a kind with several.")
@click.option("--entries", is_flag=True, help='Each line is {"input": …, "labels": …}, with labels of its own.')
@click.option("--name", help="For people, one line.")
@priority_option(Priority.LOW)
@max_attempts_option
@labels_option
@key_option("batch")
@click.option("--follow", is_flag=True, help="Show its counts live, then print it.")
@click.option("--wait", is_flag=True, help="Wait until all its tasks are over, then print it.")
@url_option
def batch(
    kind: str,
    paths: tuple[Path, ...],
    input: BinaryIO | None,
    besides: Raw | None,
    field: str | None,
    entries: bool,
    follow: bool,
    wait: bool,
    url: str | None,
    **terms: Any,
) -> None:
    """Submit many tasks of one kind.

    With --input a task for each line; with FILEs, which are uploaded, a task for each. All of them, or none when one input is
    wrong. Prints its id and how many tasks it has; with --follow or --wait, only the settled batch goes to standard output, as JSON.
    Exits with 1 when not all of its tasks succeeded, 2 when it was refused, 3 when the API cannot be reached.
    """
    from headrace.cli.terminal.batch import batch_of_files, batch_of_lines, submit_batch
    from headrace.cli.terminal.exits import run_command

    _check_alternatives(follow, wait)
    priority = terms.pop("priority")
    terms |= {"priority": Priority(priority) if priority else None, "labels": dict(terms["labels"])}
    if input is not None and not paths and besides is None and field is None:
        submitting = batch_of_lines(kind, input, has_entries=entries, **terms)
    elif input is None and paths and not entries:
        submitting = batch_of_files(kind, paths, besides, field, **terms)
    else:
        raise click.UsageError(
            "say either --input, with or without --entries, or files, with or without --besides and --field"
        )
    sys.exit(run_command(submit_batch(called_api(url), submitting, follow=follow, wait=wait)))


@click.command()
@click.argument("batch", type=ID)
@url_option
def results(batch: str, url: str | None) -> None:
    """Print the results of a batch, a line of JSON for each task.

    The lines are in the order of the inputs. Of a batch that goes on, they say how far each task is.
    """
    from headrace.cli.terminal.batch import show_results
    from headrace.cli.terminal.exits import run_command

    sys.exit(run_command(show_results(called_api(url), batch)))


def _check_alternatives(follow: bool, wait: bool, delay: timedelta | None = None, at: datetime | None = None) -> None:
    if follow and wait:
        raise click.UsageError("--follow waits already; leave --wait out")
    if delay is not None and at is not None:
        raise click.UsageError("say either --delay or --at")
