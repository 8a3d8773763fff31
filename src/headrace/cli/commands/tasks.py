"""Commands for tasks: `submit`, `batch`, `cancel` and `replay`."""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from typing import BinaryIO

import click
from msgspec import Raw

from headrace.cli.commands.options import (
    called_api,
    dry_run_option,
    expires_in_option,
    key_option,
    labels_option,
    max_attempts_option,
    per_second_option,
    priority_option,
    url_option,
    yes_option,
)
from headrace.cli.commands.parameter_types import DURATION, ID, INPUT, INSTANT, KIND, LINES, PAST
from headrace.contracts.tasks import FailureCode, Priority, Selection, State

_OPEN = [str(state) for state in State if not state.final]


@click.command()
@click.argument("kind", type=KIND)
@click.option("--input", type=INPUT, required=True, metavar="JSON|@FILE|-", help="A JSON object, a file, or stdin.")
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
    input: Raw,
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
    from headrace.cli.terminal.submit import submit_task

    _check_alternatives(follow, wait, delay, at)
    command = submit_task(
        called_api(url),
        lambda client: client.submit(
            kind,
            input,
            priority=Priority(priority) if priority else None,
            run_at=at,
            delay=delay,
            expires_in=expires_in,
            max_attempts=max_attempts,
            labels=dict(labels),
            key=key,
        ),
        follow=follow,
        wait=wait,
    )
    sys.exit(run_command(command))


@click.command()
@click.argument("kind", type=KIND)
@click.option("--input", type=LINES, required=True, metavar="@FILE|-", help="A JSON object a line, of a file or stdin.")
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
    input: BinaryIO,
    name: str | None,
    priority: str | None,
    max_attempts: int | None,
    labels: tuple[tuple[str, str], ...],
    key: str | None,
    follow: bool,
    wait: bool,
    url: str | None,
) -> None:
    """Submit many tasks of one kind.

    All of them, or none when one input is wrong. Prints its id and how many tasks it has; with --follow or --wait, only the settled batch goes to standard output, as JSON.
    Exits with 1 when not all of its tasks succeeded, 2 when it was refused, 3 when the API cannot be reached.
    """
    from headrace.cli.terminal.batch import read_inputs, submit_batch
    from headrace.cli.terminal.exits import run_command

    _check_alternatives(follow, wait)
    command = submit_batch(
        called_api(url),
        lambda client: client.batch(
            kind,
            read_inputs(input),
            name=name,
            priority=Priority(priority) if priority else None,
            max_attempts=max_attempts,
            labels=dict(labels),
            key=key,
        ),
        follow=follow,
        wait=wait,
    )
    sys.exit(run_command(command))


@click.command()
@click.argument("tasks", nargs=-1, type=ID, metavar="[ID]...")
@click.option("--kind", type=KIND, help="Every task of this kind that is not over.")
@click.option("--state", type=click.Choice(_OPEN), help="Every task in this state.")
@click.option("--batch", type=ID, metavar="ID", help="Every task of this batch that is not over.")
@dry_run_option
@per_second_option
@yes_option
@url_option
def cancel(
    tasks: tuple[str, ...],
    kind: str | None,
    state: str | None,
    batch: str | None,
    dry_run: bool,
    per_second: float,
    yes: bool,
    url: str | None,
) -> None:
    """Cancel tasks.

    Those named, or all that --kind, --state and --batch together describe; a whole batch at once, whatever --per-second says.
    Those that run are stopped. Exits with 2 when one of those named cannot be cancelled.
    """
    from headrace.cli.terminal.bulk import run_bulk_change
    from headrace.cli.terminal.cancel import BatchCancellation, Cancellation, cancel_tasks
    from headrace.cli.terminal.exits import run_command

    described = kind is not None or state is not None or batch is not None
    if bool(tasks) == described:
        raise click.UsageError("name tasks by their ids, or describe them with --kind, --state or --batch")
    if tasks:
        if dry_run:
            raise click.UsageError("--dry-run is for tasks that are described, not for those that are named")
        sys.exit(run_command(cancel_tasks(called_api(url), tasks)))
    select = Selection(kind=kind, state=State(state) if state else None, batch=batch)
    cancellation = BatchCancellation if select == Selection(batch=batch) else Cancellation
    sys.exit(run_bulk_change(cancellation(called_api(url), select, per_second), dry_run=dry_run, yes=yes))


@click.command()
@click.option("--kind", type=KIND, help="Only this kind.")
@click.option("--code", type=click.Choice([str(each) for each in FailureCode]), help="Only failures of this code.")
@click.option("--batch", type=ID, metavar="ID", help="Only tasks of this batch.")
@click.option("--since", type=PAST, help="Failed since then: 2h ago is 2h; or 2026-03-01T09:30:00Z.")
@click.option("--until", type=PAST, help="Failed before then.  [default: now]")
@dry_run_option
@per_second_option
@yes_option
@url_option
def replay(
    kind: str | None,
    code: str | None,
    batch: str | None,
    since: datetime | None,
    until: datetime | None,
    dry_run: bool,
    per_second: float,
    yes: bool,
    url: str | None,
) -> None:
    """Run failed tasks again.

    Under their ids, the oldest first, and each once, also when it fails again. After an interrupt, the same command with the --until it names does the rest.
    """
    from datetime import UTC

    from headrace.cli.terminal.bulk import run_bulk_change
    from headrace.cli.terminal.replay import Replay

    select = Selection(
        kind=kind,
        state=State.FAILED,
        code=FailureCode(code) if code else None,
        batch=batch,
        finished_from=since,
        finished_before=until or datetime.now(UTC),
    )
    sys.exit(run_bulk_change(Replay(called_api(url), select, per_second), dry_run=dry_run, yes=yes))


def _check_alternatives(follow: bool, wait: bool, delay: timedelta | None = None, at: datetime | None = None) -> None:
    if follow and wait:
        raise click.UsageError("--follow waits already; leave --wait out")
    if delay is not None and at is not None:
        raise click.UsageError("say either --delay or --at")
