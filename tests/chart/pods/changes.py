"""Telling everybody who waits that something has changed."""

from __future__ import annotations

import asyncio


class Changes:
    """Wakes everybody who waits for a change. Whoever looks and then waits, without an `await` between, misses none."""

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def tell(self) -> None:
        """Wake all who wait now."""
        event, self._next = self._next, asyncio.Event()
        event.set()

    async def wait(self) -> None:
        """Wait for the next change."""
        await self._next.wait()
