"""`headrace demo`: a minute of mixed work for somebody who looks at the web app for the first time."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx

from headrace.cli.terminal.api import Api, open_client
from headrace.cli.terminal.demo.work import KINDS, LABELS, TABLES, Piece, batch_inputs, pieces, schedule
from headrace.cli.terminal.exits import EXIT_REFUSED, CommandFailed
from headrace.cli.terminal.output import note, show
from headrace.client import Client, ProblemError

BATCH_SIZE = 60
BATCH_NAME = "Demo: profiles of the year"
LINE_SECONDS = 10.0  # between two lines about the progress


async def run_demo(api: Api, *, seconds: float, rate: float) -> int:
    """Submit tasks for a while, a batch among them, with a schedule beside them; returns the exit code.

    Args:
        api: The API that is called.
        seconds: For how long.
        rate: Tasks per second, besides the batch and the schedule.

    Raises:
        CommandFailed: The installation has not the kinds for it, the API refused something, or it cannot be reached.
    """
    async with open_client(api) as client:
        await _check_kinds(client)
        note(f"{seconds:g} seconds of work, {rate:g} tasks a second; look at {client.url}/")
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        async with _scheduled(client, until):
            batch = await client.batch(TABLES, batch_inputs(BATCH_SIZE), name=BATCH_NAME, labels=LABELS)
            note(f"a batch of {batch.total}: {client.url}/batches/{batch.id}")
            made = await _submit_pieces(client, seconds, rate)
    show(_summary(made, client.url))
    return 0


async def _check_kinds(client: Client) -> None:
    """Check that the kinds are there that a demo is made of.

    Raises:
        CommandFailed: One of them is not.
    """
    known = {kind.name for kind in await client.kinds() if kind.has_workers}
    if missing := [kind for kind in KINDS if kind not in known]:
        raise CommandFailed(
            f"no worker runs {', '.join(missing)}, which are among the samples: install headrace[samples], and start one with "
            "HEADRACE_CONSUMERS=headrace.samples; in a checkout of Headrace with HEADRACE_CONSUMERS=consumers",
            EXIT_REFUSED,
        )


@asynccontextmanager
async def _scheduled(client: Client, until: datetime) -> AsyncGenerator[None]:
    """Have a schedule while the block runs. It also ends by itself, for when this command is killed."""
    made = await client.create_schedule(schedule(until))
    try:
        yield
    finally:
        try:
            # Ctrl-C has cancelled this command, which still has this to do.
            await asyncio.shield(client.delete_schedule(made.id))
        except (ProblemError, httpx.TransportError):
            note(f"the schedule of the demo is still there; to remove it:  headrace schedules remove {made.id}")


async def _submit_pieces(client: Client, seconds: float, rate: float) -> list[Piece]:
    """Submit tasks at a rate, and say now and then how many there are."""
    made: list[Piece] = []
    begun = said = time.monotonic()
    for number, piece in enumerate(pieces()):
        await asyncio.sleep(begun + number / rate - time.monotonic())
        now = time.monotonic()
        if now - begun >= seconds:
            break
        if now - said >= LINE_SECONDS:
            said = now
            note(f"{now - begun:.0f} s: {len(made):,} tasks")
        await client.submit(piece.kind, piece.input, priority=piece.priority, delay=piece.delay, labels=LABELS)
        made.append(piece)
    return made


def _summary(made: list[Piece], url: str) -> str:
    kinds = Counter(piece.kind for piece in made)
    later, wrong = sum(piece.delay is not None for piece in made), sum(piece.fails for piece in made)
    return "\n".join(
        [
            f"made {len(made):,} tasks ({', '.join(f'{number:,} {kind}' for kind, number in kinds.items())}) and a batch of {BATCH_SIZE}",
            f"{wrong:,} of them and some of the batch fail, for two reasons; {later:,} begin later; the schedule is removed",
            f"look at {url}/, or:  headrace list --label 'from=headrace demo'",
        ]
    )
