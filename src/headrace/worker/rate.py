"""The limit of starts per second of a kind, over all workers: the log's servers count the starts, window by window.

A window lasts a second, or ``1/rate`` seconds for a rate below one, by the clock. A worker counts each start before it makes
it, in a counter that all workers share; a start over the limit waits for the next window. A start that cannot be counted waits
too, so without the counter too few tasks start and never too many.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from headrace.errors import LogUnavailable
from headrace.log import clock, subjects
from headrace.log.connection import Log
from headrace.log.jetstream import ProvisionError
from headrace.log.rates import provision_rates
from headrace.repeated import RepeatedWarning
from headrace.telemetry import get_logger

MARGIN_SECONDS = 0.05  # left free at the end of a window: a start that is counted in it is also made in it
COUNT_RETRY_SECONDS = 0.25
SLEEP_SECONDS_MIN = 0.001  # rounding of windows of fractions of a second must not make the wait zero


class Rate:
    """Permits the starts of one kind.

    Args:
        log: The log whose servers keep the counter.
        kind: The kind's name.
        per_second: How many starts a second, as the option ``rate`` of the kind.

    Attributes:
        limit: How many starts a window has at most.
        window: How long a window lasts, in seconds.
        on_permit: Called after each permitted start.
    """

    def __init__(self, log: Log, kind: str, per_second: float) -> None:
        self.limit = max(1, int(per_second))
        self.window = 1.0 if per_second >= 1 else 1 / per_second
        self.on_permit: Callable[[], None] = lambda: None
        self._log = log
        self._kind = kind
        # One slot counts at a time. All slots at once would count themselves over the limit in every window.
        self._turn = asyncio.Lock()
        self._last_full_window = -1
        self._counting = RepeatedWarning(
            get_logger(__name__), "starts cannot be counted; waiting", "starts are counted again"
        )

    async def open(self) -> None:
        """Make the counter, if it does not exist.

        Raises:
            ProvisionError: the server refuses it.
            LogUnavailable: the log does not answer.
        """
        await provision_rates(self._log)

    async def permit(self) -> None:
        """Wait until the kind may start one more task."""
        async with self._turn:
            while not await self._count_start():
                pass
        self.on_permit()

    async def _count_start(self) -> bool:
        """Count a start in the window of this moment. Returns whether it is permitted; otherwise try again."""
        now = clock.now().timestamp()
        window = int(now // self.window)
        end = (window + 1) * self.window
        if window == self._last_full_window or end - now < MARGIN_SECONDS:
            await asyncio.sleep(max(end - now, SLEEP_SECONDS_MIN))
            return False
        try:
            count = await self._log.appender.count(subjects.rate_counter(self._kind, window))
        except LogUnavailable as error:
            self._counting.note(error.message, kind=self._kind)
            await self._restore_counter()
            return False
        self._counting.end(kind=self._kind)
        if count > self.limit:
            self._last_full_window = window
            return False
        # When counting took long, the start would come in a window in which it was not counted.
        return clock.now().timestamp() < end

    async def _restore_counter(self) -> None:
        """Make the counter again. It is gone when the servers that kept it were started again."""
        await asyncio.sleep(COUNT_RETRY_SECONDS)
        try:
            await self.open()
        except (LogUnavailable, ProvisionError) as error:
            self._counting.note(str(error), kind=self._kind)
