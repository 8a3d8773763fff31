"""Decide how often a request is tried again, and how long to wait before."""

from __future__ import annotations

import random

import httpx

from headrace.client.address import never_passes
from headrace.client.answers import ProblemError
from headrace.client.driver import Driver

RETRY_SECONDS = 1.0  # before the second attempt, unless the server says how long
RETRY_SECONDS_MAX = 10.0
PAUSE_SECONDS_MAX = 60.0  # a server may ask for a pause, and not for one that looks like no answer at all
LIMIT_SECONDS_MAX = 90.0  # until a limit permits more: longer than a window of a minute, shorter than one of an hour
ATTEMPTS_MAX = 10  # in a row: about a minute and a half, longer than a restart of the API

_MAY_PASS = frozenset({500, 502, 503, 504})  # of the API, or of a proxy while the API restarts


def is_over_limit(error: Exception) -> bool:
    """Tell whether the API has refused a request because of a limit, and did nothing of it, and will soon permit it."""
    return (
        isinstance(error, ProblemError)
        and error.status == 429
        and error.retry_after is not None
        and error.retry_after <= LIMIT_SECONDS_MAX
    )


class Retries:
    """Counts the failures in a row of one request, and waits before the next attempt.

    Args:
        driver: Waits.
    """

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._failures = 0
        self._pause_seconds = RETRY_SECONDS
        # Until a limit permits more. It is known when that is, so this pause is used once and is not doubled.
        self._limit_seconds = 0.0

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
        if self._is_useless(error) or self._failures == ATTEMPTS_MAX:
            raise error

    def count_unanswered(self, error: httpx.TransportError | ProblemError) -> None:
        """Count a failure of a request that may be repeated, or raise it: no answer, a limit, or a 503 with a short Retry-After."""
        if isinstance(error, ProblemError) and not is_over_limit(error):
            after = error.retry_after
            if error.status != 503 or after is None or after > RETRY_SECONDS_MAX:
                raise error
            self.set_pause(after)
        self.count(error)

    async def pause(self) -> None:
        """Wait before the next attempt: the pause, doubled with each failure, and up to half of it more as jitter.

        The jitter spreads the clients that an API has lost at the same moment. When a limit is the reason, wait until it permits
        more.
        """
        doubled = min(self._pause_seconds * 2 ** max(self._failures - 1, 0), RETRY_SECONDS_MAX)
        seconds = max(self._pause_seconds, doubled) * random.uniform(1, 1.5)  # noqa: S311 - hides nothing
        if self._limit_seconds:
            seconds = self._limit_seconds * random.uniform(1, 1.1)  # noqa: S311 - hides nothing
        self._limit_seconds = 0.0
        await self._driver.pause(seconds)

    def _is_useless(self, error: httpx.TransportError | ProblemError) -> bool:
        """Return whether another attempt would fail in the same way."""
        if not isinstance(error, ProblemError):
            return never_passes(error)
        if is_over_limit(error):
            self._limit_seconds = error.retry_after or 0.0
            return False
        return error.status not in _MAY_PASS
