"""What a command does that follows something, when the server that it calls has no event streams: it asks again and again."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

from headrace.cli.terminal.output import note
from headrace.client import Client, ProblemError
from headrace.contracts.batches import Batch, BatchState

POLL_SECONDS = 20.0  # which the API waits for the end of a batch; some proxies give up on a silent request after 30


def note_no_streams(problem: ProblemError, url: str) -> None:
    """Say that a server serves no event streams, if that is why it has refused to be followed.

    Raises:
        ProblemError: It has refused for another reason.
    """
    if problem.error_code != "no_such_route":
        raise problem
    note(f"{url} serves no event streams (they are in the mount `streams`, see docs/access.md): waiting for the end")


async def views_of_batch(client: Client, batch: str) -> AsyncGenerator[Batch]:
    """Give a batch as `Client.follow_batch` does, also where the server has no event streams.

    Raises:
        ProblemError: There is no such batch, or the API fails.
        httpx.TransportError: The API cannot be reached.
    """
    try:
        async with aclosing(client.follow_batch(batch)) as views:
            async for view in views:
                yield view
        return
    except ProblemError as problem:
        note_no_streams(problem, client.url)
    while True:
        view = await client.get_batch(batch, wait=POLL_SECONDS)
        yield view
        if view.state == BatchState.SETTLED:
            return
