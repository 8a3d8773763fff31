"""Hints for administrators: how the installation is at this moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from headrace.api.hints.buffer import Hint
from headrace.api.hints.source import HintSource
from headrace.api.streaming.frames import hint_frame
from headrace.contracts.hints import Gauges, HintName, LaneGauge
from headrace.errors import LogUnavailable
from headrace.log import clock, consumer_names
from headrace.log.connection import Log
from headrace.log.copies import read_copies
from headrace.log.lane_states import LaneState, read_lanes

INTERVAL_SECONDS = 2.0  # between two readings, however many administrators follow
PATIENCE_SECONDS = 2.0  # the broker may take for one


class GaugeHints(HintSource):
    """The gauges, read every two seconds while an administrator follows.

    Args:
        event_log: The log, whose broker is asked.
        bytes_max: The size of the log from which on nothing new is accepted.
        streams: Returns how many event streams are open at this process.
    """

    def __init__(self, event_log: Log, bytes_max: int, streams: Callable[[], int]) -> None:
        super().__init__()
        self._log = event_log
        self._bytes_max = bytes_max
        self._streams = streams

    async def work(self) -> None:
        """Give hints until cancelled.

        Raises:
            LogUnavailable: The broker does not answer.
        """
        while True:
            gauges = await self._read()
            self.succeeded()
            self.give(Hint(HintName.GAUGES, "gauges", hint_frame(HintName.GAUGES, gauges)), is_current=True)
            await asyncio.sleep(INTERVAL_SECONDS)

    async def _read(self) -> Gauges:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                lanes, copies = await asyncio.gather(read_lanes(self._log), read_copies(self._log.jetstream))
        except TimeoutError as error:
            raise LogUnavailable(f"the broker did not answer within {PATIENCE_SECONDS:g} s") from error
        projector = next((lane for lane in lanes if lane.durable == consumer_names.PROJECTOR), None)
        return Gauges(
            at=clock.now(),
            lanes=[_gauge_of(lane, lane.kind) for lane in lanes if lane.kind is not None],
            behind=0 if projector is None else projector.queued + projector.running,
            log_bytes=copies.bytes,
            log_bytes_max=self._bytes_max,
            replicas_wanted=copies.wanted,
            replicas_current=copies.current,
            streams=self._streams(),
        )


def _gauge_of(lane: LaneState, kind: str) -> LaneGauge:
    return LaneGauge(
        kind=kind,
        priority=lane.priority,
        queued=lane.queued,
        oldest_seconds=lane.oldest_seconds,
        running=lane.running,
        redelivered=lane.redelivered,
        pulls=lane.pulls,
        paused=lane.paused,
    )
