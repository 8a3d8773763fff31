"""How many tasks of a kind are started a second, over all workers: counted in the log's servers, window by window.

A window is a second, or ``1/rate`` seconds of a rate below one, by the clock. Each start is counted before it is made, in a
counter that all workers share; one that comes over the limit waits for the next window. What cannot be counted waits too, so
that a counter that is away has too few started and never too many.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.jetstream import ProvisionError
from headrace.log.rates import provision_rates
from headrace.telemetry import get_logger

MARGIN_SECONDS = 0.05  # left free at a window's end: who is counted in it also starts in it
AGAIN_SECONDS = 0.25
CLOCK_SECONDS = 0.001  # no less is slept, however windows of fractions of seconds are rounded

log = get_logger(__name__)


class Rate:
    """The starts of one kind.

    Args:
        log: Whose servers keep the counter.
        kind: The kind's name.
        per_second: How many starts a second, as ``rate`` of `headrace.task.task`.
    """

    def __init__(self, log: Log, kind: str, per_second: float) -> None:
        self.limit = max(1, int(per_second))  # starts in a window
        self.window = 1.0 if per_second >= 1 else 1 / per_second  # seconds
        self.on_permit: Callable[[], None] = lambda: None
        self._log = log
        self._kind = kind
        self._turn = asyncio.Lock()  # not all slots at once: they would count themselves over the limit again and again
        self._full = -1  # the last window that is known to be full

    async def open(self) -> None:
        """Make sure of the counter.

        Raises:
            ProvisionError: the server refuses it.
            LogUnavailable: the log does not answer.
        """
        await provision_rates(self._log, self.window)

    async def permit(self) -> None:
        """Wait until one more may be started."""
        async with self._turn:
            while not await self._take():
                pass
        self.on_permit()

    async def _take(self) -> bool:
        now = time.time()
        window = int(now // self.window)
        end = (window + 1) * self.window
        if window == self._full or end - now < MARGIN_SECONDS:
            await asyncio.sleep(max(end - now, CLOCK_SECONDS))
            return False
        try:
            count = await self._log.appender.count(subjects.rate_counter(self._kind, window))
        except LogUnavailable as error:
            log.warning("starts cannot be counted; waiting", kind=self._kind, error=error.message)
            await self._make_again()
            return False
        if count > self.limit:
            self._full = window
            return False
        return time.time() < end  # else it took so long that it would start in a window in which it was not counted

    async def _make_again(self) -> None:
        """The counter is gone when the servers that kept it were started again."""
        await asyncio.sleep(AGAIN_SECONDS)
        try:
            await self.open()
        except (LogUnavailable, ProvisionError) as error:
            log.warning("the counter of starts cannot be made again yet", kind=self._kind, error=str(error))
