"""Figures about the whole cluster, which the leading projector shows once for all: the queues, the log, the projection.

They are asked for when somebody reads the metrics, at most every `KEPT_SECONDS`, and never by what projects.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime

import msgspec
from prometheus_client.metrics_core import Metric

from headrace.errors import LogUnavailable
from headrace.log import clock, consumer_names, subjects
from headrace.log.connection import Log
from headrace.log.copies import LogCopies, read_copies
from headrace.log.lane_states import LaneState, read_lanes
from headrace.log.queues import count_deferred, oldest_unacknowledged
from headrace.metrics.families import gauge, gauge_by
from headrace.metrics.series import KINDS_MAX, OTHER
from headrace.repeated import RepeatedWarning
from headrace.telemetry import get_logger

KEPT_SECONDS = 15.0  # between two questions to the servers, however many read the metrics
PATIENCE_SECONDS = 3.0  # a reader of the metrics waits no longer; it has the rest of the page all the same
ALL_PRIORITIES = "all"  # of the one lane of a kind with a limit to its concurrency

log = get_logger(__name__)


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """What the servers said.

    Attributes:
        at: When, by the clock of NATS.
        lanes: Every lane of a kind, by kind.
        announced: When workers announced each kind last.
        deferred: Tasks that are not due yet.
        copies: The copies of the log, and its size.
        behind: Events that are not in the read model.
        behind_since: When the log took the oldest of them; None when there is none.
    """

    at: datetime
    lanes: list[LaneState]
    announced: dict[str, datetime]
    deferred: int
    copies: LogCopies
    behind: int
    behind_since: datetime | None


class ClusterFigures:
    """Reads the figures and shows them, as long as this projector leads.

    Args:
        event_log: The log.
        bytes_max: The size of the log from which on nothing new is accepted.
        is_leading: Returns whether this projector is the one that projects.
    """

    def __init__(self, event_log: Log, bytes_max: int, is_leading: Callable[[], bool]) -> None:
        self._log = event_log
        self._bytes_max = bytes_max
        self._is_leading = is_leading
        self._figures: Figures | None = None
        self._until = 0.0
        self._failing = RepeatedWarning(log, "the figures about the cluster cannot be read", "they can be read again")

    async def refresh(self) -> None:
        """Read the figures anew if they are old. While they cannot be read, and while another projector leads, there are none."""
        if not self._is_leading():
            self._figures = None
            self._until = 0.0
            return
        if time.monotonic() < self._until:
            return
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                self._figures = await read_figures(self._log)
        except (LogUnavailable, TimeoutError) as error:
            self._figures = None
            self._failing.note(str(error) or f"the servers did not answer within {PATIENCE_SECONDS:g} s")
        else:
            self._failing.end()
            self._until = time.monotonic() + KEPT_SECONDS

    def collect(self) -> Iterator[Metric]:
        """Yield the figures; nothing when there are none."""
        if (figures := self._figures) is None:
            return
        yield from _of_queues(figures)
        yield from _of_kinds(figures)
        yield from _of_projection(figures)
        yield gauge("headrace_deferred_tasks", "Tasks that are not due yet", figures.deferred)
        yield gauge("headrace_log_bytes", "Size of the log", figures.copies.bytes)
        yield gauge(
            "headrace_log_bytes_limit", "Size of the log from which on nothing new is accepted", self._bytes_max
        )
        yield gauge("headrace_log_replicas", "Copies of the log that there should be", figures.copies.wanted)
        yield gauge("headrace_log_replicas_current", "Copies of the log that have all of it", figures.copies.current)


async def read_figures(event_log: Log) -> Figures:
    """Ask the servers.

    Raises:
        LogUnavailable: JetStream does not answer.
    """
    operation = f"CONSUMER.INFO.{subjects.STREAM}.{consumer_names.PROJECTOR}"
    projector = await event_log.jetstream.request(operation)
    return Figures(
        at=clock.now(),
        lanes=[lane for lane in await read_lanes(event_log) if lane.kind is not None],
        announced=await _read_announced(event_log),
        deferred=await count_deferred(event_log),
        copies=await read_copies(event_log.jetstream),
        behind=projector["num_pending"] + projector["num_ack_pending"],
        behind_since=await oldest_unacknowledged(event_log, projector),
    )


async def _read_announced(event_log: Log) -> dict[str, datetime]:
    page = await event_log.replayer.page(subjects.CATALOG_ENTRIES, stream=subjects.CATALOG_STREAM, records=KINDS_MAX)
    return {record.subject.rpartition(".")[2]: record.at for record in page.records}


_OF_LANES: tuple[tuple[str, str, Callable[[LaneState], float]], ...] = (
    ("queued", "Queued tasks that were not given to a worker", lambda lane: lane.queued),
    ("running", "Tasks that were given to a worker and have not ended", lambda lane: lane.running),
    ("running_limit", "Tasks that may run over all workers", lambda lane: lane.running_max),
    ("pulls", "Requests of workers that wait for tasks", lambda lane: lane.pulls),
)


def _of_queues(figures: Figures) -> Iterator[Metric]:
    def by_lane(number: Callable[[LaneState], float], combine: Callable[[float, float], float]) -> _Numbers:
        return _bounded(
            (((each.kind or OTHER, each.priority or ALL_PRIORITIES), number(each)) for each in figures.lanes), combine
        )

    def age(lane: LaneState) -> float:
        return lane.oldest_seconds or 0.0

    labels = ("kind", "priority")
    for name, about, number in _OF_LANES:
        yield gauge_by(f"headrace_kind_{name}", about, labels, by_lane(number, float.__add__))
    about = "Since when the oldest queued task waits; 0 when none does"
    yield gauge_by("headrace_kind_oldest_queued_seconds", about, labels, by_lane(age, max))


def _of_kinds(figures: Figures) -> Iterator[Metric]:
    paused = (((each.kind or OTHER,), float(each.paused)) for each in figures.lanes)
    yield gauge_by("headrace_kind_paused", "Whether the kind is paused", ("kind",), _bounded(paused, max))
    announced = (((kind,), at.timestamp()) for kind, at in sorted(figures.announced.items()))
    yield gauge_by(
        "headrace_kind_announced_timestamp_seconds",
        "When a worker last announced the kind; each does every 30 seconds",
        ("kind",),
        _bounded(announced, min),
    )


def _of_projection(figures: Figures) -> Iterator[Metric]:
    yield gauge("headrace_projection_behind_events", "Events that are not in the read model yet", figures.behind)
    yield gauge(
        "headrace_projection_behind_seconds",
        "Since when the oldest event waits that is not in the read model yet; 0 when none does",
        _age(figures.at, figures.behind_since),
    )


def _age(now: datetime, since: datetime | None) -> float:
    return 0.0 if since is None else max(0.0, (now - since).total_seconds())


_Numbers = Iterable[tuple[tuple[str, ...], float]]


def _bounded(numbers: _Numbers, combine: Callable[[float, float], float]) -> _Numbers:
    """Return numbers of at most `KINDS_MAX` kinds, which come in order, and of all further ones as `OTHER`."""
    bounded: dict[tuple[str, ...], float] = {}
    kinds: set[str] = set()
    for labels, number in numbers:
        if labels[0] not in kinds and len(kinds) == KINDS_MAX:
            labels = (OTHER, *labels[1:])
        else:
            kinds.add(labels[0])
        bounded[labels] = combine(bounded[labels], float(number)) if labels in bounded else float(number)
    return bounded.items()
