"""`headrace batch`: hand in many tasks, and see how many are over."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing, nullcontext
from typing import BinaryIO

import click
import httpx
from msgspec import Raw

from headrace.cli.terminal.calling import explaining
from headrace.cli.terminal.counting import Counter, counter_for
from headrace.cli.terminal.output import show_json
from headrace.cli.terminal.stopped import EXIT_TASK_FAILED
from headrace.client import Client, ProblemError
from headrace.contracts.batches import Batch


async def submit(url: str, submitting: Callable[[Client], Awaitable[Batch]], *, follow: bool, wait: bool) -> int:
    """Submit a batch and print it; with ``follow`` or ``wait``, stay until it settles and print it then.

    Args:
        url: Where the API is.
        submitting: Submits it.
        follow: Show its counts as they change.
        wait: Show nothing until it has settled.

    Returns:
        The exit code.

    Raises:
        Stopped: it was refused, or the API cannot be reached.
    """
    with explaining(url):
        async with Client(url) as client:
            batch = await submitting(client)
            click.echo(f"{batch.id} {batch.total:,} tasks", err=follow or wait)
            if not follow and not wait:
                return 0
            try:
                batch = await _settled(client, batch, counter_for(batch.kind, batch.total) if follow else None)
            except (asyncio.CancelledError, ProblemError, httpx.TransportError):
                click.echo(
                    f"the batch goes on; its counts:  {client.url}/api/v1/batches/{batch.id}\n"
                    f"to cancel it:                   headrace cancel --batch {batch.id}",
                    err=True,
                )
                raise
    show_json(batch)
    return 0 if batch.counts.succeeded == batch.total else EXIT_TASK_FAILED


async def inputs_of(lines: BinaryIO) -> AsyncGenerator[Raw]:
    """The lines that have something in them."""
    with lines:
        for line in lines:
            if not line.isspace():
                yield Raw(line.strip())
        await asyncio.sleep(0)  # Ctrl-C also ends what writes the lines; they are not to be taken for complete then


async def _settled(client: Client, batch: Batch, counter: Counter | None) -> Batch:
    with counter or nullcontext():
        async with aclosing(client.follow_batch(batch.id)) as found:
            async for batch in found:
                if counter is not None:
                    counter.show(batch.counts.final, _words(batch))
    return batch


def _words(batch: Batch) -> str:
    counts = (
        ("succeeded", batch.counts.succeeded),
        ("failed", batch.counts.failed),
        ("cancelled", batch.counts.cancelled),
        ("running", batch.counts.running),
        ("queued", batch.counts.queued),
        ("pending", batch.counts.pending),
    )
    return ", ".join(f"{count:,} {name}" for name, count in counts if count)
