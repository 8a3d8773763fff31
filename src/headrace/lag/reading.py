"""What the log, the catalog and the read model say about the work of each kind."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec

from headrace.lag.percentiles import Percentiles, PercentilesReader
from headrace.log.announcements import Announcement, read_announcements
from headrace.log.connection import Log
from headrace.log.deferred import AllDeferred, read_deferred
from headrace.log.denials import NotPermitted
from headrace.log.lane_states import Flow, LaneState, read_flow, read_lanes

SECOND_LOOK_SECONDS = 0.5  # after which a reader has asked again; its requests end after some seconds, and it asks anew
FLOW_SECONDS = 300.0  # over which arrivals and starts are counted
COSTLY_SECONDS = 10.0  # between two readings of what costs the log or Postgres some work, when a person watches


class Observed(NamedTuple):
    """What was read, all of it within a moment.

    Attributes:
        lanes: Every consumer of the log.
        announced: The last announcement of each kind; None when our user may not read it.
        deferred: The deferred tasks.
        flows: What arrived and started of the kinds whose workers are all busy.
        percentiles: Of the last hour; of kinds of which nothing is known there are none.
    """

    lanes: list[LaneState]
    announced: Mapping[str, Announcement] | None
    deferred: AllDeferred
    flows: Mapping[str, Flow]
    percentiles: Mapping[str, Percentiles]


class Observer:
    """Reads the state of all kinds, again and again. What is costly is read each `COSTLY_SECONDS` only.

    Args:
        log: The log.
        percentiles: Reads how long tasks waited and ran.
    """

    def __init__(self, log: Log, percentiles: PercentilesReader) -> None:
        self._log = log
        self._read_percentiles = percentiles
        self._deferred = AllDeferred(by_lane={}, is_complete=True)
        self._flows: dict[str, Flow] = {}
        self._percentiles: Mapping[str, Percentiles] = {}
        self._read_at = float("-inf")

    async def observe(self) -> Observed:
        """Read the state of all kinds.

        Raises:
            LogUnavailable: the log does not answer.
        """
        lanes, announced = await asyncio.gather(_read_lanes(self._log), _read_announced(self._log))
        await self._read_costly(lanes)
        return Observed(lanes, announced, self._deferred, self._flows, self._percentiles)

    async def _read_costly(self, lanes: Iterable[LaneState]) -> None:
        now = asyncio.get_running_loop().time()
        if now - self._read_at < COSTLY_SECONDS:
            return
        # Importing SQLAlchemy holds up the loop, for seconds on a busy machine; a request to the log would be out of time meanwhile.
        self._percentiles = await self._read_percentiles()
        self._deferred, self._flows = await asyncio.gather(read_deferred(self._log), self._read_flows(lanes))
        self._read_at = now

    async def _read_flows(self, lanes: Iterable[LaneState]) -> dict[str, Flow]:
        busy = {lane.kind: lane.asked_at for lane in lanes if lane.kind and lane.queued and not lane.pulls}
        return {kind: await read_flow(self._log, kind, now, FLOW_SECONDS) for kind, now in busy.items()}


async def _read_lanes(log: Log) -> list[LaneState]:
    """Read the consumers; twice when some seem to have no reader, which may just be between two requests."""
    first = await read_lanes(log)
    if not any(_seems_forsaken(lane) for lane in first):
        return first
    await asyncio.sleep(SECOND_LOOK_SECONDS)
    pulls = {lane.durable: lane.pulls for lane in first}
    return [
        msgspec.structs.replace(lane, pulls=max(lane.pulls, pulls.get(lane.durable, 0)))
        for lane in await read_lanes(log)
    ]


def _seems_forsaken(lane: LaneState) -> bool:
    return not lane.pulls and not lane.running and (bool(lane.queued) or lane.kind is None)


async def _read_announced(log: Log) -> Mapping[str, Announcement] | None:
    try:
        return await read_announcements(log)
    except NotPermitted:
        # The users of this NATS were made for an older version; everything else can be shown.
        return None
