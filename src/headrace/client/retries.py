"""Trying again: how often, and after how long."""

from __future__ import annotations

import asyncio
import random

import httpx

from headrace.client.answers import ProblemError

RETRY_SECONDS = 1.0  # before the second attempt, until the server has said how long
RETRY_SECONDS_MAX = 10.0
ATTEMPTS_MAX = 10  # in a row, so about a minute and a half, which is longer than a restart of the API takes


class Retries:
    """How often in a row something failed, and how long to wait before the next attempt."""

    def __init__(self) -> None:
        self._failures = 0
        self._least = RETRY_SECONDS

    def reset(self) -> None:
        """It went well."""
        self._failures = 0

    def asked_for(self, seconds: float | None) -> None:
        """Take what the server said in `retry:` or `Retry-After`, when it did."""
        if seconds is not None:
            self._least = seconds

    def count(self, error: httpx.TransportError | ProblemError) -> None:
        """Count a failure; raises it again when another attempt would be in vain."""
        self._failures += 1
        refused = isinstance(error, ProblemError) and error.status < 500
        if refused or self._failures == ATTEMPTS_MAX:
            raise error

    def count_unanswered(self, error: httpx.TransportError | ProblemError) -> None:
        """Count a request that may be sent again; raises it again when it was answered, or the API wants a longer pause."""
        if isinstance(error, ProblemError):
            after = error.retry_after
            if error.status != 503 or after is None or after > RETRY_SECONDS_MAX:
                raise error
            self.asked_for(after)
        self.count(error)

    async def pause(self) -> None:
        """Wait what the server asked for, doubled with each failure, and up to half of it more, so that not all come at once."""
        doubled = min(self._least * 2 ** max(self._failures - 1, 0), RETRY_SECONDS_MAX)
        await asyncio.sleep(max(self._least, doubled) * random.uniform(1, 1.5))  # noqa: S311 - hides nothing
