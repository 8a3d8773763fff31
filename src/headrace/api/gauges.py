"""What NATS says of the log and of its consumers, for the screens of administrators. It is asked at most once a second."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import NamedTuple

import msgspec

from headrace.lag.reading import Observed
from headrace.log.announcements import read_announcements
from headrace.log.connection import Log
from headrace.log.deferred import AllDeferred
from headrace.log.extent import LogExtent, read_extent
from headrace.log.lane_states import LaneState, read_lanes

KNOWN_SECONDS = 1.0  # for which an answer is reused; several screens are open at a time
PULLED_SECONDS = 10.0  # after a consumer was last asked for records; its readers ask anew within a moment


class Measured(NamedTuple):
    """What was measured: the consumers with the announcements of kinds, and the log itself."""

    observed: Observed
    extent: LogExtent


class Gauges:
    """Measures the log and its consumers.

    Args:
        log: The log.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._lock = asyncio.Lock()
        self._measured: Measured | None = None
        self._until = 0.0
        # When a reader was last seen to ask a consumer for records.
        self._pulled_at: dict[str, float] = {}

    async def measure(self) -> Measured:
        """Return what the log is like, as it was up to a second ago.

        Raises:
            LogUnavailable: NATS does not answer.
        """
        async with self._lock:
            if self._measured is None or monotonic() >= self._until:
                self._measured = await self._measure()
                self._until = monotonic() + KNOWN_SECONDS
            return self._measured

    async def _measure(self) -> Measured:
        lanes, announced, extent = await asyncio.gather(
            read_lanes(self._log), read_announcements(self._log), read_extent(self._log, with_stores=False)
        )
        self._note_pulls(lanes)
        deferred = AllDeferred(by_lane={}, is_complete=True)
        return Measured(Observed([self._with_pulls(lane) for lane in lanes], announced, deferred, {}, {}), extent)

    def _note_pulls(self, lanes: list[LaneState]) -> None:
        now = monotonic()
        known = {lane.durable: self._pulled_at[lane.durable] for lane in lanes if lane.durable in self._pulled_at}
        self._pulled_at = known | {lane.durable: now for lane in lanes if lane.pulls}

    def _with_pulls(self, lane: LaneState) -> LaneState:
        """Return a lane that is asked for when it was a moment ago: a reader may just be between two requests."""
        is_asked_for = monotonic() - self._pulled_at.get(lane.durable, float("-inf")) < PULLED_SECONDS
        return msgspec.structs.replace(lane, pulls=1) if is_asked_for and not lane.pulls else lane
