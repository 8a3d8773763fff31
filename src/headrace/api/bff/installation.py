"""How the installation is, of what NATS and the processes say: for the screens of administrators."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from headrace.api.bff.attention import LogRoom, ReadModelLag
from headrace.api.gauges import Measured
from headrace.api.processes import Seen
from headrace.contracts.screens.overview import Health, HealthState, LogHealth, ProcessEntry, ReadModelHealth, Replicas
from headrace.contracts.screens.rows import Attention
from headrace.log import consumer_names
from headrace.log.extent import LogExtent
from headrace.log.lane_states import LaneState

_NEEDED = ("worker", "projector")
_OF_INSTALLATION = ("log_filling", "behind")


class Installation(NamedTuple):
    """What was measured of the installation.

    Attributes:
        extent: The log.
        projector: The consumer of the projector; None when no projector ever ran.
        processes: Those that are there.
        is_complete: Whether each process that is there has had the time to tell it.
        at: When it was measured.
    """

    extent: LogExtent
    projector: LaneState | None
    processes: Sequence[Seen]
    is_complete: bool
    at: datetime

    @classmethod
    def of(
        cls, measured: Measured, processes: Sequence[Seen], at: datetime, *, is_complete: bool = True
    ) -> Installation:
        """Put together what NATS and the processes said."""
        lanes = {lane.durable: lane for lane in measured.lanes}
        return cls(measured.extent, lanes.get(consumer_names.PROJECTOR), processes, is_complete, at)

    @property
    def room(self) -> LogRoom:
        """How full the log is."""
        return LogRoom(bytes=self.extent.bytes, bytes_max=self.extent.bytes_max, at=self.at)

    @property
    def lag(self) -> ReadModelLag | None:
        """How far the read model is behind; None when it is not."""
        if self.projector is None:
            return None
        events, seconds = self.projector.queued + self.projector.running, self.projector.oldest_seconds or 0.0
        return ReadModelLag(events, seconds, self.at - timedelta(seconds=seconds)) if events else None


def health_of(installation: Installation, attention: Sequence[Attention], *, is_away: bool) -> Health:
    """Say how the installation is.

    Args:
        installation: What was measured.
        attention: What needs attention.
        is_away: Whether NATS or Postgres does not answer now, so that a part of what is shown is old.
    """
    extent, lag = installation.extent, installation.lag
    return Health(
        state=_state(installation, attention, is_away=is_away),
        processes=[_process(seen) for seen in installation.processes],
        log=LogHealth(
            bytes=extent.bytes,
            bytes_max=extent.bytes_max,
            messages=extent.records,
            oldest_at=extent.first_at,
            replicas=Replicas(wanted=extent.replicas, current=extent.replicas_current),
        ),
        read_model=ReadModelHealth(behind=lag.events if lag else 0, behind_seconds=lag.seconds if lag else 0.0),
    )


def _state(installation: Installation, attention: Sequence[Attention], *, is_away: bool) -> HealthState:
    if is_away or not installation.extent.has_leader:
        return "down"
    roles = {seen.notice.role for seen in installation.processes}
    is_short = any(role not in roles for role in _NEEDED)
    lacks_copies = installation.extent.replicas_current < installation.extent.replicas
    told = any(each.what in _OF_INSTALLATION for each in attention)
    if lacks_copies or told or (is_short and installation.is_complete):
        return "degraded"
    return "starting" if is_short else "well"


def _process(seen: Seen) -> ProcessEntry:
    notice = seen.notice
    return ProcessEntry(role=notice.role, name=notice.name, version=notice.version, since=notice.since, seen_at=seen.at)
