"""Decide how often a request is tried again, and how long to wait before."""

from __future__ import annotations

import asyncio
import random

import httpx

from headrace.client.address import never_passes
from headrace.client.answers import ProblemError

RETRY_SECONDS = 1.0  # before the second attempt, unless the server says how long
RETRY_SECONDS_MAX = 10.0
PAUSE_SECONDS_MAX = 60.0  # a server may ask for a pause, and not for one that looks like no answer at all
ATTEMPTS_MAX = 10  # in a row: about a minute and a half, longer than a restart of the API

_MAY_PASS = frozenset({500, 502, 503, 504})  # of the API, or of a proxy while the API restarts


class Retries:
    """Counts the failures in a row of one request, and waits before the next attempt."""

    def __init__(self) -> None:
        self._failures = 0
        self._pause_seconds = RETRY_SECONDS

    def reset(self) -> None:
        """Forget the failures, because an attempt succeeded."""
        self._failures = 0

    def set_pause(self, seconds: float | None) -> None:
        """Use the pause that the server asks for in `retry:` or `Retry-After`, or the longest; None leaves it as it is."""
        if seconds is not None:
            self._pause_seconds = min(seconds, PAUSE_SECONDS_MAX)

    def count(self, error: httpx.TransportError | ProblemError) -> None:
        """Count a failure, or raise it when another attempt is useless: it fails each time, or `ATTEMPTS_MAX` failed."""
        self._failures += 1
        useless = error.status not in _MAY_PASS if isinstance(error, ProblemError) else never_passes(error)
        if useless or self._failures == ATTEMPTS_MAX:
            raise error

    def count_unanswered(self, error: httpx.TransportError | ProblemError) -> None:
        """Count a failure of a request that may be repeated: no answer, or a 503 with a short Retry-After; raises others."""
        if isinstance(error, ProblemError):
            after = error.retry_after
            if error.status != 503 or after is None or after > RETRY_SECONDS_MAX:
                raise error
            self.set_pause(after)
        self.count(error)

    async def pause(self) -> None:
        """Wait before the next attempt: the pause, doubled with each failure, and up to half of it more as jitter.

        The jitter spreads the clients that an API has lost at the same moment.
        """
        doubled = min(self._pause_seconds * 2 ** max(self._failures - 1, 0), RETRY_SECONDS_MAX)
        await asyncio.sleep(max(self._pause_seconds, doubled) * random.uniform(1, 1.5))  # noqa: S311 - hides nothing
