"""Turns: so many do something at a time, so many wait, and the others are told to come back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from headrace.identity_errors import IdentityUnavailable


class Turns:
    """Gives turns to those who are not signed in yet, so that they leave connections to Postgres to those who are.

    Args:
        at_a_time: How many have a turn at the same time.
        waiting_max: How many have one or wait for it.
    """

    def __init__(self, at_a_time: int, waiting_max: int) -> None:
        self._slots = asyncio.Semaphore(at_a_time)
        self._waiting_max = waiting_max
        self._waiting = 0

    @asynccontextmanager
    async def take(self) -> AsyncGenerator[None]:
        """Have a turn for the block.

        Raises:
            IdentityUnavailable: Too many wait.
        """
        if self._waiting >= self._waiting_max:
            raise IdentityUnavailable("too many sessions are being refreshed at the moment; try again shortly")
        self._waiting += 1
        try:
            async with self._slots:
                yield
        finally:
            self._waiting -= 1
