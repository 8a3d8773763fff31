"""How the work of each kind goes on, put together from what NATS, the processes, the catalog and the read model say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from headrace.api.bff.figures import EndsByMinute, series_of
from headrace.api.processes import Seen
from headrace.contracts.activity import ActivityCounts
from headrace.contracts.kinds import CatalogEntry
from headrace.contracts.screens.envelope import Ref
from headrace.contracts.screens.operations import (
    KindHint,
    KindOperations,
    LastHour,
    Pause,
    ReaderEntry,
    RunSeconds,
    StreamOperations,
    WaitingByPriority,
    WorkerEntry,
)
from headrace.contracts.tasks import Priority
from headrace.lag import hints
from headrace.lag.reading import Observed
from headrace.lag.rows import Row, rows_of

_HINTS: Final[Mapping[str | None, KindHint]] = {
    hints.NO_WORKERS: "no_workers",
    hints.STALLED: "stalled",
    hints.AT_LIMIT: "limit",
}


class KindGauges(NamedTuple):
    """What is known of a kind without the read model.

    Attributes:
        row: What `headrace lag` says of it.
        waiting: Its queued tasks by priority.
        entry: Its entry in the catalog; None for a kind that nobody has announced.
        workers: Those that run it.
    """

    row: Row
    waiting: WaitingByPriority
    entry: CatalogEntry | None
    workers: Sequence[WorkerEntry]


class LastHourByKind(NamedTuple):
    """What the read model says of the last hour.

    Attributes:
        begin: When its first minute began.
        ends: How many tasks ended in each minute, by kind.
        counts: What happened, by kind.
        pauses: When and by whom each kind was paused last.
    """

    begin: datetime
    ends: Mapping[str, EndsByMinute]
    counts: Mapping[str, ActivityCounts]
    pauses: Mapping[str, Pause]

    @property
    def total(self) -> LastHour:
        """How many tasks of all kinds ended."""
        ends = [each for of_kind in self.ends.values() for each in of_kind.values()]
        return LastHour(succeeded=sum(each.succeeded for each in ends), failed=sum(each.failed for each in ends))


def kinds_of(observed: Observed, entries: Sequence[CatalogEntry], processes: Sequence[Seen]) -> list[KindGauges]:
    """Put together what is known of each kind that has consumers or was announced, by name."""
    known = {entry.name: entry for entry in entries}
    rows = {row.name: row for row in rows_of(observed) if row.of == "kind"}
    return [
        KindGauges(row, _waiting(observed, name), known.get(name), _workers(name, processes))
        for name, row in rows.items()
    ]


def _waiting(observed: Observed, kind: str) -> WaitingByPriority:
    queued = dict.fromkeys(Priority, 0)
    for lane in observed.lanes:
        if lane.kind == kind:
            queued[Priority(lane.priority or Priority.NORMAL)] += lane.queued
    return WaitingByPriority(**{priority.value: count for priority, count in queued.items()})


def _workers(kind: str, processes: Sequence[Seen]) -> list[WorkerEntry]:
    return [
        WorkerEntry(
            name=seen.notice.name, slots=slots.slots, busy=slots.busy, version=seen.notice.version, seen_at=seen.at
        )
        for seen in processes
        if (slots := seen.notice.kinds.get(kind)) is not None
    ]


def kind_operations(kind: KindGauges, ended: LastHourByKind | None) -> KindOperations:
    """Say how the work of a kind goes on; ``ended`` is None while the read model cannot be read."""
    row, entry = kind.row, kind.entry
    counts = None if ended is None else ended.counts.get(row.name)
    run = None if counts is None else counts.run
    pause = None if ended is None else ended.pauses.get(row.name)
    return KindOperations(
        name=row.name,
        has_workers=bool(kind.workers) or (entry is not None and entry.has_workers),
        workers=list(kind.workers),
        paused=(pause or Pause(by=None, at=None)) if row.paused else None,
        waiting=kind.waiting,
        oldest_waiting_seconds=row.oldest_queued_seconds,
        in_flight=row.running,
        redelivered=row.redelivered,
        concurrency=None if entry is None else entry.concurrency,
        rate=None if entry is None else entry.rate,
        throughput=None if ended is None else series_of(ended.ends.get(row.name, {}), ended.begin),
        run_seconds=None if ended is None else RunSeconds(p50=run.p50 if run else None, p95=run.p95 if run else None),
        failed_last_hour=None if ended is None else (counts.failed if counts else 0),
        hint=_HINTS.get(row.state),
        message=row.hint,
    )


def reader_entries(observed: Observed) -> list[ReaderEntry]:
    """Say how the readers of the projector go on."""
    idle = {lane.durable: lane.idle_seconds for lane in observed.lanes}
    return [
        ReaderEntry(
            name=row.name, waiting=row.queued, in_flight=row.running, idle_seconds=idle.get(row.name), hint=row.hint
        )
        for row in rows_of(observed)
        if row.of == "headrace"
    ]


def stream_operations(processes: Sequence[Seen]) -> StreamOperations:
    """Add up the event streams of all API processes that are there."""
    found = [seen.notice.streams for seen in processes if seen.notice.streams is not None]
    return StreamOperations(
        open=sum(each.open for each in found),
        events_per_second=round(sum(each.events_per_second for each in found), 1),
        lag_ms=max((each.lag_ms for each in found), default=0.0),
        resets=sum(each.resets for each in found),
    )


def pause_of(at: datetime, by: str | None, names: Mapping[str, str]) -> Pause:
    """Return a pause as the audit has it."""
    return Pause(at=at, by=None if by is None else Ref(id=by, name=names.get(by)))
