"""The lanes of the kinds, as the log describes them: asked at most once a second, by one request at a time."""

from __future__ import annotations

import asyncio
from time import monotonic

from headrace.errors import LogUnavailable
from headrace.log.connection import Log
from headrace.log.consumers import all_consumers
from headrace.log.lane_states import LaneState, lane_state

KNOWN_SECONDS = 1.0  # for which an answer is reused; pages of waiting tasks ask every two seconds
ANSWER_SECONDS = 0.25  # that the log is waited for; it answers within milliseconds, or is away


class KindLanes:
    """The lanes of the kinds, as they were up to a second ago."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._lock = asyncio.Lock()
        self._by_kind: dict[str, list[LaneState]] = {}
        self._known_until = 0.0

    async def of_kind(self, kind: str) -> list[LaneState]:
        """Return the lanes of a kind; none when no worker ever ran it. How long the oldest task waits is not read.

        Raises:
            LogUnavailable: JetStream does not answer in time, or the log was not verified yet and nothing is handed out.
        """
        if not self._log.is_current:
            raise LogUnavailable("the log cannot be used at the moment; try again shortly")
        try:
            async with asyncio.timeout(ANSWER_SECONDS), self._lock:
                if monotonic() >= self._known_until:
                    self._by_kind = await self._ask()
                    self._known_until = monotonic() + KNOWN_SECONDS
                return self._by_kind.get(kind, [])
        except TimeoutError as error:
            raise LogUnavailable(f"the log did not answer within {ANSWER_SECONDS:g} s; try again shortly") from error

    async def _ask(self) -> dict[str, list[LaneState]]:
        found: dict[str, list[LaneState]] = {}
        for info in await all_consumers(self._log):
            lane = lane_state(info, None)
            if lane.kind is not None:
                found.setdefault(lane.kind, []).append(lane)
        return found
