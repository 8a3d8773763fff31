"""A bound on what one request waits for the log, however many questions it asks of it.

Each question has a bound of its own, and while the servers of a cluster choose who leads, each may take nearly as long as it is
allowed to. A caller who waits for the sum of them learns too late that it has to try again.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from headrace.errors import LogUnavailable
from headrace.log.connection import Log

APPENDS_MAX = 2  # in the time of as many unanswered appends; docs/cluster.md promises this and a little more


class InTime:
    """Gives a block the time of `APPENDS_MAX` appends that are not acknowledged, and ends it with `LogUnavailable` after that.

    What the block waits for then is cancelled, so nothing in it may be spoiled by being left half done. Whether the log has what
    the block has appended is not known.

    Args:
        log: The log that the block waits for.
    """

    def __init__(self, log: Log) -> None:
        self._patience = APPENDS_MAX * log.settings.append_timeout
        self._timeout = asyncio.timeout(self._patience)

    async def __aenter__(self) -> None:
        """Begin to count."""
        await self._timeout.__aenter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End the block.

        Raises:
            LogUnavailable: It has taken too long.
        """
        try:
            await self._timeout.__aexit__(kind, error, traceback)
        except TimeoutError as late:
            # One that the block has raised itself passes through and does not come here.
            message = f"the log did not answer within {self._patience:g} s; try again in a moment"
            raise LogUnavailable(message) from late
