"""The counters that all API processes share, on the servers of NATS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic
from typing import Final

from headrace.errors import HeadraceError, LogUnavailable
from headrace.identity.limits import Allowance
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.jetstream import ProvisionError
from headrace.log.rates import provision_limits
from headrace.telemetry import get_logger

MINUTE: Final = 60
HOUR: Final = 3600
COUNT_SECONDS = 0.5  # a counter answers within milliseconds; a request is not held up for longer than this
RETRY_SECONDS = 1.0  # between two attempts while the counters do not answer

log = get_logger(__name__)

Digest = Callable[[str], bytes]


class Counters:
    """The counters that all API processes share.

    Args:
        log: The log whose servers keep them.
        digest: A keyed hash that all processes share: the names in counters show neither addresses nor e-mail addresses.
    """

    def __init__(self, log: Log, digest: Digest) -> None:
        self.digest = digest
        self._log = log
        self._away_until = 0.0

    async def open(self) -> None:
        """Make the counters, now and whenever their servers were started again, if this process may do that."""
        self._log.on_reconnect(self._provision)
        await self._provision()

    async def _provision(self) -> None:
        try:
            await provision_limits(self._log)
        except (LogUnavailable, ProvisionError) as error:
            log.warning("the counters of requests cannot be made; each process limits by itself", error=str(error))

    async def add(self, allowance: Allowance, asked: int) -> int | None:
        """Add to the counter of a window, and return what it says then; None when it does not answer."""
        if monotonic() < self._away_until:
            return None
        is_long = allowance.policy.window > MINUTE
        subject = subjects.limit_counter(allowance.policy.name, allowance.name, allowance.number, is_long=is_long)
        try:
            async with asyncio.timeout(COUNT_SECONDS):
                counted = await self._log.appender.count(subject, asked)
        except (HeadraceError, TimeoutError) as error:
            if not self._away_until:
                log.warning(
                    "requests cannot be counted; each process limits by itself", error=str(error) or "no answer"
                )
            self._away_until = monotonic() + RETRY_SECONDS
            return None
        if self._away_until:
            log.info("requests are counted again")
            self._away_until = 0.0
        return counted
