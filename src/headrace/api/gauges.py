"""What NATS says of the log and of its consumers, for screens, hints and tasks that wait. It is asked at most once a second."""

from __future__ import annotations

import asyncio
from functools import partial
from time import monotonic
from typing import NamedTuple

import msgspec

from headrace.api.shared_answer import SharedAnswer
from headrace.errors import LogUnavailable
from headrace.lag.reading import Observed
from headrace.log.announcements import read_announcements
from headrace.log.connection import Log
from headrace.log.consumers import all_consumers
from headrace.log.deferred import AllDeferred
from headrace.log.extent import LogExtent, read_extent
from headrace.log.lane_states import LaneState, lane_state, with_oldest

KNOWN_SECONDS = 1.0  # for which an answer is reused; several screens are open at a time
PULLED_SECONDS = 10.0  # after a consumer was last asked for records; its readers ask anew within a moment
ANSWER_SECONDS = 0.25  # that a task that waits waits for the log, too; it answers within milliseconds, or is away


class Measured(NamedTuple):
    """What was measured: every consumer of the log, and the log itself."""

    lanes: list[LaneState]
    extent: LogExtent


class Gauges:
    """Measures the log and its consumers.

    The consumers are asked once for all who want to know of them. What only some want to know is asked besides: how long the
    oldest task of each lane waits, the extent of the log, and the announcements of kinds.

    Args:
        log: The log.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        self._consumers = SharedAnswer(partial(all_consumers, log), KNOWN_SECONDS)
        self._measured = SharedAnswer(self._measure, KNOWN_SECONDS)
        self._announced = SharedAnswer(partial(read_announcements, log), KNOWN_SECONDS)
        # When a reader was last seen to ask a consumer for records.
        self._pulled_at: dict[str, float] = {}

    async def measure(self) -> Measured:
        """Return what the log is like, as it was up to two seconds ago.

        Raises:
            LogUnavailable: NATS does not answer.
        """
        return await self._measured.get()

    async def observe(self) -> Observed:
        """Return the consumers with the announcements of kinds, as they were up to two seconds ago.

        Raises:
            LogUnavailable: NATS does not answer.
        """
        measured, announced = await asyncio.gather(self._measured.get(), self._announced.get())
        return Observed(measured.lanes, announced, AllDeferred(by_lane={}, is_complete=True), {}, {})

    async def lanes_of(self, kind: str) -> list[LaneState]:
        """Return the lanes of a kind, as they were up to a second ago; none when no worker ever ran it.

        How long the oldest task waits is not read.

        Raises:
            LogUnavailable: JetStream does not answer in time, or the log was not verified yet and nothing is handed out.
        """
        if not self._log.is_current:
            raise LogUnavailable("the log cannot be used at the moment; try again shortly")
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                found = await self._consumers.get()
        except TimeoutError as error:
            raise LogUnavailable(f"the log did not answer within {ANSWER_SECONDS:g} s; try again shortly") from error
        return [lane for info in found if (lane := lane_state(info, None)).kind == kind]

    async def _measure(self) -> Measured:
        lanes, extent = await asyncio.gather(self._read_lanes(), read_extent(self._log, with_stores=False))
        self._note_pulls(lanes)
        return Measured([self._with_pulls(lane) for lane in lanes], extent)

    async def _read_lanes(self) -> list[LaneState]:
        return await with_oldest(self._log, await self._consumers.get())

    def _note_pulls(self, lanes: list[LaneState]) -> None:
        now = monotonic()
        known = {lane.durable: self._pulled_at[lane.durable] for lane in lanes if lane.durable in self._pulled_at}
        self._pulled_at = known | {lane.durable: now for lane in lanes if lane.pulls}

    def _with_pulls(self, lane: LaneState) -> LaneState:
        """Return a lane that is asked for when it was a moment ago: a reader may just be between two requests."""
        is_asked_for = monotonic() - self._pulled_at.get(lane.durable, float("-inf")) < PULLED_SECONDS
        return msgspec.structs.replace(lane, pulls=1) if is_asked_for and not lane.pulls else lane
