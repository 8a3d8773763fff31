"""How much the log can still take: submissions are refused before the log is full, so that running tasks can still finish."""

from __future__ import annotations

import asyncio

from headrace.errors import LogFull
from headrace.log.connection import Log
from headrace.repeated import RepeatedWarning
from headrace.telemetry import get_logger

MEASURE_SECONDS = 1.0  # between two measurements of the log's size


class Capacity:
    """The room in the log: its size when it was last measured, and the bytes that this process has reserved since.

    Args:
        log: The log.
        bytes_max: The size from which on nothing new is accepted.
    """

    def __init__(self, log: Log, bytes_max: int) -> None:
        self._log = log
        self._bytes_max = bytes_max
        self._reserved = 0
        # The smallest size that was refused since the last one that had room; 0 for none.
        self._refused = 0
        self._measuring = RepeatedWarning(
            get_logger(__name__), "the log does not say where it stands", "the log says again where it stands"
        )

    @property
    def problem(self) -> str | None:
        """That the log has no room for what was refused last, as health checks say it; None when it has."""
        if not self._refused or self._has_room(self._refused):
            return None
        return f"takes nothing new: {self._full}"

    def reserve(self, size: int) -> None:
        """Count bytes that are about to be appended.

        Raises:
            LogFull: The log has no room for them.
        """
        if not self._has_room(size):
            self._refused = min(size, self._refused or size)
            raise LogFull(self._full)
        self._refused = 0
        self._reserved += size

    @property
    def _full(self) -> str:
        return f"the log holds its {self._bytes_max:,} bytes; try again later, or have HEADRACE_STREAM_MAX_BYTES raised"

    def _has_room(self, size: int) -> bool:
        return self._log.state.bytes + self._reserved + size <= self._bytes_max

    async def measure(self) -> None:
        """Measure the log every second, until cancelled."""
        while True:
            await asyncio.sleep(MEASURE_SECONDS)
            if self._log.is_connected:
                await self._measure_once()

    async def _measure_once(self) -> None:
        reserved = self._reserved
        try:
            await self._log.refresh()
        except Exception as error:  # noqa: BLE001 - no error may end the measuring; it is repeated in a second
            self._measuring.note(str(error))
        else:
            self._measuring.end()
            # The measured size contains what was reserved before the measurement began.
            self._reserved -= reserved
