"""A circuit breaker: a service that has failed several times in a row is left alone for a while, then tried by one request.

It is closed while the service answers, open while it is left alone, and half open while one request tries it.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from time import monotonic

FAILURES_MAX = 3  # in a row, after which the service is left alone
OPEN_SECONDS = 10.0  # for which it is; a restart takes about that long


class CircuitState(StrEnum):
    """Whether requests reach the service."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class Circuit:
    """The circuit breaker of one service. Whoever was let through says how it went, by exactly one of the three.

    Args:
        clock: The time in seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._failures = 0
        self._open_until = 0.0
        self._is_tried = False

    @property
    def state(self) -> CircuitState:
        """Whether requests reach the service."""
        if self._failures < FAILURES_MAX:
            return CircuitState.CLOSED
        is_left_alone = self._is_tried or self._clock() < self._open_until
        return CircuitState.OPEN if is_left_alone else CircuitState.HALF_OPEN

    def lets_through(self) -> bool:
        """Whether a request may reach the service. While the circuit is half open, one may, and the others wait for how it goes."""
        match self.state:
            case CircuitState.CLOSED:
                return True
            case CircuitState.OPEN:
                return False
            case CircuitState.HALF_OPEN:
                self._is_tried = True
                return True

    def succeeded(self) -> None:
        """Close the circuit: the service has answered."""
        self._failures, self._is_tried = 0, False

    def failed(self) -> None:
        """Count a failure. After several in a row, or when the one request failed that tried, the circuit is open."""
        self._failures, self._is_tried = self._failures + 1, False
        if self._failures >= FAILURES_MAX:
            self._open_until = self._clock() + OPEN_SECONDS

    def abandoned(self) -> None:
        """Note that a request has ended without saying anything about the service; another one may try."""
        self._is_tried = False
