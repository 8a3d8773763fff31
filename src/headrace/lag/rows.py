"""A row for each kind, or for each of its lanes, and for each other reader of the log."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import reduce
from typing import Literal

import msgspec
from msgspec import Struct

from headrace.contracts.tasks import Priority
from headrace.lag.hints import Situation, State, find_state, reader_state
from headrace.lag.percentiles import Percentiles
from headrace.lag.reading import Observed
from headrace.log import consumer_names
from headrace.log.deferred import Deferred
from headrace.log.lane_states import LaneState

_READERS = (consumer_names.PROJECTOR, consumer_names.FIRINGS)
_IN_ORDER: list[str | None] = [None, *Priority]

Of = Literal["kind", "headrace", "other"]


class Row(Struct, frozen=True, kw_only=True):
    """What is known of a kind, a lane or another reader of the log. Times are in seconds, instants by the clock of the log.

    Attributes:
        name: The kind; of another reader, the name of its consumer.
        of: ``kind``, ``headrace`` for the projector's consumers, ``other`` for those that are not Headrace's.
        priority: The lane, when lanes are shown each; None for all of a kind.
        state: What is wrong, in a word or two; None for nothing.
        hint: What is wrong, and what to do; None for nothing.
        queued: Records that were not delivered yet.
        oldest_queued_seconds: How long the oldest of them has waited; None when there is none.
        running: Records that were delivered and are not acknowledged.
        deferred: Tasks that are due later; None for what is not of a kind.
        deferred_is_complete: Whether there are no more than ``deferred``.
        next_due_at: When the first of them is due.
        redelivered: Records of ``running`` that were delivered more than once.
        pulls: Requests of readers that wait for records.
        paused: Whether nothing is delivered until the kind is resumed.
        announced_at: When a worker last announced the kind.
        announced_seconds: How long ago that was.
        wait_p50_seconds: Half of the tasks that started in the last hour had waited for less; None when nothing is known.
        wait_p95_seconds: 95 % of them had waited for less.
        run_p50_seconds: Half of those that finished had run for less.
        run_p95_seconds: 95 % of them had run for less.
    """

    name: str
    of: Of
    priority: str | None = None
    state: str | None
    hint: str | None
    queued: int
    oldest_queued_seconds: float | None
    running: int
    deferred: int | None = None
    deferred_is_complete: bool = True
    next_due_at: datetime | None = None
    redelivered: int
    pulls: int
    paused: bool
    announced_at: datetime | None = None
    announced_seconds: float | None = None
    wait_p50_seconds: float | None = None
    wait_p95_seconds: float | None = None
    run_p50_seconds: float | None = None
    run_p95_seconds: float | None = None


def rows_of(observed: Observed, *, lanes: bool = False, others: bool = False) -> list[Row]:
    """Return the rows: the kinds by name, the projector's consumers, and then those of others.

    Args:
        observed: What was read.
        lanes: A row for each lane of a kind, instead of one for all.
        others: Also the consumers that are not Headrace's.
    """
    by_kind: dict[str, list[LaneState]] = {}
    for lane in observed.lanes:
        if lane.kind is not None:
            by_kind.setdefault(lane.kind, []).append(lane)
    kinds = sorted(by_kind.keys() | (observed.announced or {}).keys())
    rows = [row for kind in kinds for row in _rows_of_kind(kind, by_kind.get(kind, []), observed, lanes=lanes)]
    rest = [lane for lane in observed.lanes if lane.kind is None]
    rows += [_reader_row(lane, "headrace") for lane in rest if lane.durable in _READERS]
    if others:
        rows += [_reader_row(lane, "other") for lane in rest if lane.durable not in _READERS]
    return rows


def _rows_of_kind(kind: str, of_kind: Sequence[LaneState], observed: Observed, *, lanes: bool) -> list[Row]:
    if not lanes:
        return [_kind_row(kind, None, of_kind, observed)]
    in_order = sorted(of_kind, key=lambda lane: _IN_ORDER.index(lane.priority))
    return [_kind_row(kind, lane.priority, [lane], observed) for lane in in_order]


def _kind_row(kind: str, priority: str | None, lanes: Sequence[LaneState], observed: Observed) -> Row:
    announcement = (observed.announced or {}).get(kind)
    now = max((lane.asked_at for lane in lanes), default=None)
    age = (now - announcement.at).total_seconds() if announcement and now else None
    times = observed.percentiles.get(kind) or Percentiles()
    flow = observed.flows.get(kind)
    state = find_state(Situation(kind, lanes, oldest_of(lanes), announcement, age, flow, times.run_p50))
    deferred = _deferred_of(kind, priority, observed)
    return msgspec.structs.replace(
        _row(kind, "kind", lanes, state),
        priority=priority,
        deferred=deferred.count if deferred else 0,
        deferred_is_complete=observed.deferred.is_complete,
        next_due_at=deferred.next_due_at if deferred else None,
        announced_at=announcement.at if announcement else None,
        announced_seconds=age,
        wait_p50_seconds=times.wait_p50,
        wait_p95_seconds=times.wait_p95,
        run_p50_seconds=times.run_p50,
        run_p95_seconds=times.run_p95,
    )


def _reader_row(lane: LaneState, of: Of) -> Row:
    state = reader_state(lane) if of == "headrace" else State(None, None)
    return _row(lane.durable, of, [lane], state)


def _row(name: str, of: Of, lanes: Sequence[LaneState], state: State) -> Row:
    return Row(
        name=name,
        of=of,
        state=state.word,
        hint=state.hint,
        queued=sum(lane.queued for lane in lanes),
        oldest_queued_seconds=oldest_of(lanes),
        running=sum(lane.running for lane in lanes),
        redelivered=sum(lane.redelivered for lane in lanes),
        pulls=sum(lane.pulls for lane in lanes),
        paused=any(lane.paused for lane in lanes),
    )


def oldest_of(lanes: Sequence[LaneState]) -> float | None:
    """Return how long the oldest record has waited that was not delivered; None when there is none."""
    return max((lane.oldest_seconds for lane in lanes if lane.oldest_seconds is not None), default=None)


def _deferred_of(kind: str, priority: str | None, observed: Observed) -> Deferred | None:
    found = [
        deferred
        for (of, lane), deferred in observed.deferred.by_lane.items()
        if of == kind and priority in (None, lane)
    ]
    return reduce(Deferred.joined, found) if found else None
