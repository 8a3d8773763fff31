"""`headrace batch`: submit many tasks of one kind, and with --follow or --wait show their counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator, Sequence
from contextlib import aclosing, contextmanager, nullcontext
from pathlib import Path
from typing import Any, BinaryIO

import httpx
import msgspec
from msgspec import Raw

from headrace.cli.commands.parameter_types import INPUT_BYTES_MAX
from headrace.cli.terminal.api import Api, open_client
from headrace.cli.terminal.count_display import CountDisplay, count_display_for
from headrace.cli.terminal.exits import EXIT_REFUSED, EXIT_TASK_FAILED, CommandFailed
from headrace.cli.terminal.input_files import upload_files
from headrace.cli.terminal.output import note, show, show_json, show_json_text
from headrace.cli.terminal.without_streams import views_of_batch
from headrace.client import Client, ProblemError
from headrace.contracts.batches import BATCH_BYTES_MAX, INPUTS_MAX, Batch, Counts

SubmitBatch = Callable[[Client], Awaitable[Batch]]


def batch_of_lines(kind: str, lines: BinaryIO, *, has_entries: bool, **terms: Any) -> SubmitBatch:
    """Return what submits a batch with a task for each line.

    Args:
        kind: The kind of every task.
        lines: Inputs, or entries, as NDJSON.
        has_entries: Whether the lines are entries.
        terms: Further arguments of `Client.batch`.
    """
    return lambda client: client.batch(kind, **{"entries" if has_entries else "inputs": read_inputs(lines)}, **terms)


def batch_of_files(
    kind: str, paths: Sequence[Path], besides: Raw | None, field: str | None, **terms: Any
) -> SubmitBatch:
    """Return what uploads files and submits a batch with a task for each.

    Args:
        kind: The kind of every task.
        paths: The files.
        besides: What the input of each task has besides its file, a JSON object.
        field: The field that has the file.
        terms: Further arguments of `Client.batch_of_files`.
    """
    rest = msgspec.json.decode(besides, type=dict[str, Any]) if besides is not None else None

    async def submit(client: Client) -> Batch:
        files = await upload_files(client, paths)
        return await client.batch_of_files(kind, files, rest, field=field, **terms)

    return submit


async def submit_batch(api: Api, submit: SubmitBatch, *, follow: bool, wait: bool) -> int:
    """Submit a batch and print its id; with ``follow`` or ``wait``, stay until it settles and print it as JSON.

    Args:
        api: The API that is called.
        submit: Submits the batch with the client that it is given.
        follow: Show the batch's counts as they change.
        wait: Show nothing until it has settled.

    Returns:
        The exit code.

    Raises:
        CommandFailed: The API refused the batch, or cannot be reached, or the inputs cannot be kept until they are sent.
    """
    with _disk_errors_explained():
        async with open_client(api) as client:
            batch = await submit(client)
            (note if follow or wait else show)(f"{batch.id} {batch.total:,} tasks")
            if not follow and not wait:
                return 0
            try:
                batch = await _wait_until_settled(client, batch, follow=follow)
            except (asyncio.CancelledError, ProblemError, httpx.TransportError):
                note(
                    f"the batch goes on; its counts:  {client.url}/api/v1/batches/{batch.id}\n"
                    f"to cancel it:                   headrace cancel --batch {batch.id}"
                )
                raise
    show_json(batch)
    return 0 if batch.counts.succeeded == batch.total else EXIT_TASK_FAILED


async def show_results(api: Api, batch: str) -> None:
    """Print what became of each task of a batch, a line of JSON for each.

    Args:
        api: The API that is called.
        batch: Its id.

    Raises:
        CommandFailed: There is no such batch, or the API cannot be reached.
    """
    async with open_client(api) as client, aclosing(client.batch_results(batch)) as results:
        async for result in results:
            show_json_text(msgspec.json.encode(result).decode())


@contextmanager
def _disk_errors_explained() -> Generator[None]:
    # With a key, inputs that do not fit in the memory are kept in a file until the batch is accepted.
    try:
        yield
    except OSError as error:
        message = (
            f"the inputs cannot be kept until they are sent ({error.strerror}): set TMPDIR to a directory with room"
        )
        raise CommandFailed(message, EXIT_REFUSED) from error


async def read_inputs(lines: BinaryIO) -> AsyncGenerator[Raw]:
    """Give the inputs of a file, one a line; blank lines are left out.

    Raises:
        CommandFailed: A line is longer than any input may be, there are too many lines, or the file cannot be read on.
    """
    given = size = 0
    with lines:
        while line := _read_line(lines):
            if line.isspace():
                continue
            given, size = given + 1, size + len(line)
            _check_batch(given, size)
            yield Raw(line.strip())
        # Ctrl-C also ends the program that writes the lines. Here the cancellation arrives before the inputs end, so that
        # the lines written until then are not submitted as a complete batch.
        await asyncio.sleep(0)


def _check_batch(inputs: int, size: int) -> None:
    """Refuse what the API would refuse: its answer does not reach a client that goes on sending."""
    if inputs > INPUTS_MAX:
        raise CommandFailed(f"a batch has at most {INPUTS_MAX:,} inputs: split them into several", EXIT_REFUSED)
    if size > BATCH_BYTES_MAX:
        raise CommandFailed(
            f"the inputs of a batch have at most {BATCH_BYTES_MAX >> 20} MB: split them into several", EXIT_REFUSED
        )


def _read_line(lines: BinaryIO) -> bytes:
    try:
        line = lines.readline(INPUT_BYTES_MAX + 1)
    except OSError as error:
        raise CommandFailed(f"the inputs cannot be read: {error.strerror}", EXIT_REFUSED) from error
    if len(line) > INPUT_BYTES_MAX:
        message = (
            f"a line is longer than any input may be ({INPUT_BYTES_MAX:,} bytes): write one JSON object on each line"
        )
        raise CommandFailed(message, EXIT_REFUSED)
    return line


async def _wait_until_settled(client: Client, batch: Batch, *, follow: bool) -> Batch:
    display = count_display_for(batch.kind, batch.total) if follow else None
    with display or nullcontext():
        return await _show_counts(client, batch, display)


async def _show_counts(client: Client, batch: Batch, display: CountDisplay | None) -> Batch:
    """Follow a batch until it settles, and return its last view."""
    async with aclosing(views_of_batch(client, batch.id)) as views:
        async for batch in views:
            if display is not None:
                display.show(batch.counts.final, _describe(batch.counts))
    return batch


def _describe(counts: Counts) -> str:
    by_state = (
        ("succeeded", counts.succeeded),
        ("failed", counts.failed),
        ("cancelled", counts.cancelled),
        ("running", counts.running),
        ("queued", counts.queued),
        ("pending", counts.pending),
    )
    return ", ".join(f"{count:,} {state}" for state, count in by_state if count)
