"""Quarantine: a task that may take down its worker is started apart from the tasks that would be blamed for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from headrace.worker.execution import Execution

ALONE_SECONDS = 5.0  # a handler that takes down its worker mostly does so at once
SETTLE_SECONDS = 0.5  # so long after it was started, a handler is not likely to take down its worker


class Quarantine:
    """Starts suspects one at a time, and for a moment nothing else beside one.

    A suspect is a task that was running several times when its worker died. When the worker dies during the quarantine, it was
    the suspect; a task that only happened to run beside it each time is not given up for it.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._calm = asyncio.Event()
        self._calm.set()
        self._suspect: Execution | None = None
        # When the last other task was started, by the loop's clock.
        self._started = 0.0

    async def calm(self) -> None:
        """Wait until a task may be started. The caller starts it at once."""
        await self._calm.wait()
        self._started = asyncio.get_running_loop().time()

    @asynccontextmanager
    async def alone(self, execution: Execution) -> AsyncGenerator[None]:
        """Run a suspect while the block runs, when the suspects before it have ended."""
        await self._lock.acquire()
        self._suspect = execution
        self._calm.clear()
        loop = asyncio.get_running_loop()
        settles = max(0.0, self._started + SETTLE_SECONDS - loop.time())
        over = loop.call_later(settles + ALONE_SECONDS, self._calm.set)
        try:
            # A task that was just started may be the one that takes down the worker, so the suspect waits a moment.
            await asyncio.sleep(settles)
            yield
        finally:
            over.cancel()
            self.leave(execution)

    def leave(self, execution: Execution) -> None:
        """Let the next suspect begin, because this one has ended, or goes on although it was given up."""
        if self._suspect is execution:
            self._suspect = None
            self._calm.set()
            self._lock.release()
