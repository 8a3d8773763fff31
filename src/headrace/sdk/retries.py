"""When a failed attempt is tried again. Part of the SDK; import from `headrace.task`."""

from __future__ import annotations

import random

from msgspec import Struct

from headrace.contracts.tasks import DELAY_SECONDS_MAX
from headrace.sdk.said import to_number

INITIAL_SECONDS_MIN = 0.001  # a shorter wait would retry without a pause


class Backoff(Struct, frozen=True, kw_only=True):
    """How long to wait before the next attempt: ``initial`` seconds after the first, ``factor`` times longer each time.

    Attributes:
        initial: Seconds before the second attempt.
        factor: Each wait is this many times the one before; 1 keeps it constant.
        maximum: The longest wait in seconds, before jitter.
        jitter: The largest share of a wait that is added at random, from 0 to 1, so that tasks that failed at the same time
            are not tried again at the same time.
    """

    initial: float = 1.0
    factor: float = 2.0
    maximum: float = 300.0
    jitter: float = 0.1

    def find_error(self) -> str | None:
        """Return what is wrong with the backoff, as a sentence that names the field; None when it is fine."""
        if not INITIAL_SECONDS_MIN <= self.initial <= DELAY_SECONDS_MAX:
            return f"backoff.initial={self.initial!r} must be from {INITIAL_SECONDS_MIN} s to a year"
        if not self.factor >= 1:
            return f"backoff.factor={self.factor!r} must be at least 1, or the waits become shorter and shorter"
        if not self.initial <= self.maximum <= DELAY_SECONDS_MAX:
            return f"backoff.maximum={self.maximum!r} must be from backoff.initial={self.initial!r} to a year"
        if not 0 <= self.jitter <= 1:
            return f"backoff.jitter={self.jitter!r} must be from 0 to 1"
        return None

    def after(self, attempt: int) -> float:
        """Seconds to wait after an attempt, counted from 1."""
        try:
            wait = min(self.initial * self.factor ** (attempt - 1), self.maximum)
        except OverflowError:
            wait = self.maximum
        return wait * (1 + random.random() * self.jitter)  # noqa: S311 - spreads load, hides nothing


class Retry(Exception):
    """Raised or returned by a handler to have the task tried again, as long as it has attempts left.

    Args:
        after: Seconds to wait; None for what the kind's backoff says.
        message: The reason, for people who look at the task meanwhile.

    Raises:
        TypeError: ``after`` is no number.
        ValueError: ``after`` is negative, or more than a year.
    """

    def __init__(self, after: float | None = None, message: str = "the handler asked for another attempt") -> None:
        super().__init__(message)
        self.after = None if after is None else wait_seconds(after)


def wait_seconds(after: object) -> float:
    """Return how long a task is to wait, as a float.

    Raises:
        TypeError: ``after`` is no number.
        ValueError: ``after`` is negative, or more than a year.
    """
    seconds = to_number(after)
    if not 0 <= seconds <= DELAY_SECONDS_MAX:
        raise ValueError(f"Retry(after={after!r}): from 0 seconds to a year")
    return seconds
