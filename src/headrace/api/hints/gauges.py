"""Hints for administrators: how the installation is at this moment."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from headrace.api.gauges import Gauges
from headrace.api.hints.buffer import Hint
from headrace.api.hints.source import HintSource
from headrace.api.streaming.frames import hint_frame
from headrace.contracts.hints import Gauges as GaugesHint
from headrace.contracts.hints import HintName, LaneGauge
from headrace.errors import LogUnavailable
from headrace.log import clock, consumer_names
from headrace.log.lane_states import LaneState

INTERVAL_SECONDS = 2.0  # between two readings, however many administrators follow
PATIENCE_SECONDS = 2.0  # the broker may take for one


class GaugeHints(HintSource):
    """The gauges, read every two seconds while an administrator follows.

    Args:
        gauges: What the broker says, which screens ask as well.
        streams: Returns how many event streams are open at this process.
    """

    def __init__(self, gauges: Gauges, streams: Callable[[], int]) -> None:
        super().__init__()
        self._gauges = gauges
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

    async def _read(self) -> GaugesHint:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                lanes, extent = await self._gauges.measure()
        except TimeoutError as error:
            raise LogUnavailable(f"the broker did not answer within {PATIENCE_SECONDS:g} s") from error
        projector = next((lane for lane in lanes if lane.durable == consumer_names.PROJECTOR), None)
        return GaugesHint(
            at=clock.now(),
            lanes=[_gauge_of(lane, lane.kind) for lane in lanes if lane.kind is not None],
            behind=0 if projector is None else projector.queued + projector.running,
            log_bytes=extent.bytes,
            log_bytes_max=extent.bytes_max,
            replicas_wanted=extent.replicas,
            replicas_current=extent.replicas_current,
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
