"""The clock of the log: the time by NATS, which all processes share although the clocks of their machines may differ.

When a task is due or expires is written by one process and judged by another, and the broker's timers go by the broker's
clock. So none of them goes by the clock of its own machine: each one measures how far that is from NATS, whenever it asks for
the extent of the log, and corrects for it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from headrace.telemetry import get_logger

MEASURE_SECONDS = 10.0  # between two measurements of a process that does not ask for the extent of the log more often
# Clocks that are kept in step differ by less, and a measurement is as exact as its request was quick.
IGNORED = timedelta(seconds=0.1)
UNCERTAIN = timedelta(seconds=0.5)  # a request that took longer than twice this says too little
NAMED = timedelta(seconds=2)  # a difference from which on people are told

log = get_logger(__name__)


def system_now() -> datetime:
    """The time by the clock of this machine. Tests replace it."""
    return datetime.now(UTC)


def now() -> datetime:
    """The time by the clock of NATS, as far as it was measured."""
    return system_now() + _difference.offset


def problem() -> str | None:
    """That the clock of this machine is far from that of NATS, as health checks say it; None when it is not."""
    return _difference.describe() if abs(_difference.offset) >= NAMED else None


def measure(asked: datetime, server: datetime, answered: datetime) -> None:
    """Take in what a server said about its time.

    Args:
        asked: When the request was sent, by `system_now`.
        server: What the server said.
        answered: When the answer came, by `system_now`.
    """
    uncertainty = (answered - asked) / 2
    if not timedelta(0) <= uncertainty <= UNCERTAIN:
        return
    offset = server - asked - uncertainty
    _difference.set(offset if abs(offset) > IGNORED + uncertainty else timedelta(0))


class _Difference:
    """How far the clock of NATS is from that of this machine: what to add to the latter."""

    def __init__(self) -> None:
        self.offset = timedelta(0)
        self._told = timedelta(0)

    def set(self, offset: timedelta) -> None:
        self.offset = offset
        if abs(offset) < NAMED:
            if self._told:
                log.info("the clock of this machine agrees with that of NATS again")
            self._told = timedelta(0)
        elif abs(offset - self._told) >= NAMED:
            self._told = offset
            log.warning(self.describe())

    def describe(self) -> str:
        seconds = abs(self.offset).total_seconds()
        direction = "behind" if self.offset > timedelta(0) else "ahead of"
        return f"the clock of this machine is {seconds:,.1f} s {direction} that of NATS; what is due goes by NATS; set them right"


_difference = _Difference()
