"""Turns: so many do something at a time, so many wait, and the others are told to come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager


class Turns:
    """Gives turns to those who do something that takes connections to Postgres, so that some are left for everybody else.

    Args:
        at_a_time: How many have a turn at the same time.
        waiting_max: How many have one or wait for it.
        refusal: Makes the error for those who find too many before them, or wait for too long.
        patience: How many seconds they wait for their turn; None for as long as it takes.
    """

    def __init__(
        self, at_a_time: int, waiting_max: int, refusal: Callable[[], Exception], patience: float | None = None
    ) -> None:
        self._slots = asyncio.Semaphore(at_a_time)
        self._waiting_max = waiting_max
        self._waiting = 0
        self._refusal = refusal
        self._patience = patience

    @asynccontextmanager
    async def take(self) -> AsyncGenerator[None]:
        """Have a turn for the block.

        Raises:
            Exception: Too many wait, or the turn does not come in time. It is what ``refusal`` makes.
        """
        if self._waiting >= self._waiting_max:
            raise self._refusal()
        self._waiting += 1
        try:
            await self._wait_for_slot()
            try:
                yield
            finally:
                self._slots.release()
        finally:
            self._waiting -= 1

    async def _wait_for_slot(self) -> None:
        try:
            async with asyncio.timeout(self._patience):
                await self._slots.acquire()
        except TimeoutError:
            raise self._refusal() from None
