"""What follows from the facts about a task that waits. Nothing here asks anybody."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from headrace.contracts.tasks import Priority
from headrace.contracts.waiting import Waiting, Why
from headrace.log.lane_states import LaneState
from headrace.log.lanes import WEIGHTS

AHEAD_MAX = 10_000  # tasks queued before, that are counted of each priority: some milliseconds of an index
# Of the rate of a kind, from which on it is what holds its tasks up; starts are counted by the minute, which is not exact.
RATE_REACHED = 0.8
GONE_SECONDS = 10.0  # of a lane that nobody pulls from; a worker with a free slot asks again at once

_SHOWN_DIGITS = 1  # of seconds


class Facts(NamedTuple):
    """What is known about a task that waits.

    Attributes:
        priority: Its priority.
        due_in: Seconds until it is due; 0 when it is.
        lanes: The lanes of its kind; None when the log cannot be used.
        has_workers: Whether workers have announced the kind lately; None when that is not known.
        rate: How many of the kind may start a second; None for no limit.
        earlier: How many tasks of its kind have been queued for longer, by priority, up to `AHEAD_MAX` each.
        per_second: How many of the kind start in a second at the moment; None when that is not known.
    """

    priority: Priority
    due_in: float
    lanes: Sequence[LaneState] | None
    has_workers: bool | None
    rate: float | None
    earlier: Mapping[Priority, int]
    per_second: float | None


class Ahead(NamedTuple):
    """How many tasks start before one, and whether there are more that were not counted."""

    tasks: int
    has_more: bool


def explain_waiting(facts: Facts) -> Waiting:
    """Say why a task waits, how many are ahead of it, and how long that takes."""
    why = _find_reason(facts)
    ahead = None if why in (Why.NOT_DUE, Why.LOG_AWAY) else count_ahead(facts)
    return Waiting(
        why=why,
        ahead=None if ahead is None else ahead.tasks,
        more_ahead=ahead is not None and ahead.has_more,
        eta_seconds=_estimate(why, ahead, facts),
    )


def count_ahead(facts: Facts) -> Ahead | None:
    """Count the tasks that start before one; None when that is not known.

    A kind with a limit to its concurrency has one lane, in which tasks start in the order in which they were queued. Otherwise
    workers deal their slots to the lanes of the priorities by weight, see `headrace.worker.lane`: while the tasks before ours in
    its lane start, and it itself, other lanes that have enough waiting start as many as their weight says.
    """
    if not facts.lanes:
        return None
    if any(lane.is_limited for lane in facts.lanes):
        before = sum(facts.earlier.values())
        return Ahead(min(before, AHEAD_MAX), before >= AHEAD_MAX)
    own = facts.earlier.get(facts.priority, 0)
    turns = (min(own, AHEAD_MAX) + 1) / WEIGHTS[facts.priority]
    others = sum(
        min(lane.queued, int(turns * WEIGHTS[Priority(lane.priority)]))
        for lane in facts.lanes
        if lane.priority in WEIGHTS and lane.priority != facts.priority
    )
    return Ahead(min(own, AHEAD_MAX) + others, own >= AHEAD_MAX)


def _find_reason(facts: Facts) -> Why:
    if facts.due_in > 0:
        return Why.NOT_DUE
    if facts.lanes is None:
        return Why.LOG_AWAY
    if any(lane.paused for lane in facts.lanes):
        return Why.PAUSED
    if facts.has_workers is False or _is_forsaken(facts.lanes):
        return Why.NO_WORKERS
    return Why.LIMIT if _is_limit_reached(facts.lanes, facts) else Why.BEHIND


def _is_forsaken(lanes: Sequence[LaneState]) -> bool:
    """Whether nobody has asked for tasks of the kind for a while, and nobody has any. Without lanes nobody ever has."""
    return not any(lane.pulls or lane.running or _is_active(lane) for lane in lanes)


def _is_active(lane: LaneState) -> bool:
    return lane.idle_seconds is not None and lane.idle_seconds < GONE_SECONDS


def _is_limit_reached(lanes: Sequence[LaneState], facts: Facts) -> bool:
    if any(lane.is_limited and lane.is_full for lane in lanes):
        return True
    if facts.rate is None or facts.per_second is None:
        return False
    return facts.per_second >= RATE_REACHED * facts.rate


def _estimate(why: Why, ahead: Ahead | None, facts: Facts) -> float | None:
    """Return in how many seconds the task starts; None when nothing can be said."""
    if why is Why.NOT_DUE:
        return round(facts.due_in, _SHOWN_DIGITS)
    if why not in (Why.LIMIT, Why.BEHIND) or ahead is None or ahead.has_more or not facts.per_second:
        return None
    return round((ahead.tasks + 1) / facts.per_second, _SHOWN_DIGITS)
