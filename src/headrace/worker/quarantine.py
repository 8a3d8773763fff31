"""Keeping apart those who may kill a worker from those who would be blamed for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from headrace.worker.execution import Execution

ALONE_SECONDS = 5.0  # what kills a worker mostly does so at once
SETTLE_SECONDS = 0.5  # likewise: so long after the last start, what was started before is not likely to


class Quarantine:
    """Of the runs that have taken a worker down often, one is started at a time, and nothing new beside it for a moment.

    When the worker dies then, it was that one; what only happened to run beside it each time is not given up for it.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._calm = asyncio.Event()
        self._calm.set()
        self._inside: Execution | None = None
        self._started = 0.0  # when something else was last started, by the loop's clock

    async def calm(self) -> None:
        """Wait until something may be started, which is done then."""
        await self._calm.wait()
        self._started = asyncio.get_running_loop().time()

    @asynccontextmanager
    async def alone(self, execution: Execution) -> AsyncGenerator[None]:
        """Be the one suspect that runs."""
        await self._lock.acquire()
        self._inside = execution
        self._calm.clear()
        loop = asyncio.get_running_loop()
        settles = max(0.0, self._started + SETTLE_SECONDS - loop.time())
        over = loop.call_later(settles + ALONE_SECONDS, self._calm.set)
        try:
            await asyncio.sleep(settles)  # who has just been started may be the one who kills the worker
            yield
        finally:
            over.cancel()
            self.leave(execution)

    def leave(self, execution: Execution) -> None:
        """It has ended, or goes on although it was given up; either way the next one's turn has come."""
        if self._inside is execution:
            self._inside = None
            self._calm.set()
            self._lock.release()
