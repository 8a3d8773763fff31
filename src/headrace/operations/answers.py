"""What the operations port of a process answers with. The process adds what it knows as it opens its parts."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from headrace.health import HealthReport, Readiness, Ready, summarize
from headrace.metrics.page import MetricsPage

CountBacklog = Callable[[frozenset[str]], Awaitable[int]]
"""Counts the runnable tasks of these kinds, of all when there are none; may raise a `headrace.errors.HeadraceError`."""


class Operations:
    """What one process says about itself.

    Args:
        stop: Set when the process is to stop. From then on it is not ready.

    Attributes:
        metrics: The page of `/metrics`. Each process adds its own.
        ready: Says whether the process can do its work; it is starting until the process has set this.
        count_backlog: Counts runnable tasks; None as long as the process cannot, and for one that never can.
    """

    def __init__(self, stop: asyncio.Event) -> None:
        self.metrics = MetricsPage()
        self.ready: Ready = self._starting
        self.count_backlog: CountBacklog | None = None
        self._waits_for = "NATS has not answered yet"
        self._stop = stop
        self._was_ready = False

    def note_wait(self, why: str) -> None:
        """Have the readiness of a process that has not opened its parts yet say what it waits for."""
        self._waits_for = why

    async def _starting(self) -> Readiness:
        return Readiness(HealthReport("failing", {"process": f"starting; {self._waits_for}"}), is_ready=False)

    async def readiness(self) -> Readiness:
        """Say whether the process can do its work now."""
        found = await self.ready()
        if self._stop.is_set():
            return Readiness(summarize(found.health.checks | {"process": "draining"}), is_ready=False)
        self._was_ready = self._was_ready or found.is_ready
        return found

    async def started(self) -> Readiness:
        """Say whether the process was ready once."""
        return Readiness(summarize({}), is_ready=True) if self._was_ready else await self.readiness()
