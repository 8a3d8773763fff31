"""What is wrong with a kind or a reader, in a word for the table and in a sentence that says what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from headrace.durations import span
from headrace.log import consumer_names, subjects
from headrace.log.announcements import ANNOUNCE_SECONDS, Announcement
from headrace.log.lane_states import Flow, LaneState

SLOW_SECONDS = 30.0  # that the oldest task has waited while all workers are busy; less is a moment's work
READER_GONE_SECONDS = 10.0  # without a pull request; a reader asks again at once

PAUSED = "paused"
NO_WORKERS = "no workers"
AT_LIMIT = "at its limit"
STALLED = "stalled"
SLOW = "slow"
BUSY = "busy"
NOT_RUNNING = "not running"
UNUSED = "unused"


_KEPT = "free slots are kept for more urgent tasks"


class State(NamedTuple):
    """What is wrong: a word, and a sentence that names the remedy last, after a semicolon; both None when nothing is."""

    word: str | None
    hint: str | None


class Situation(NamedTuple):
    """What is known of a kind, or of one of its lanes.

    Attributes:
        kind: Its name.
        lanes: Its lanes.
        oldest: Seconds for which its oldest queued task has waited; None when nothing is queued.
        announcement: Its last announcement; None when there is none, or it cannot be read.
        announced_seconds: How long ago that was.
        flow: What was queued and started lately; None when some worker waits for tasks.
        run_p50: Seconds; half of the tasks that finished in the last hour had run for less. None when nothing is known.
    """

    kind: str
    lanes: Sequence[LaneState]
    oldest: float | None
    announcement: Announcement | None
    announced_seconds: float | None
    flow: Flow | None
    run_p50: float | None = None

    @property
    def queued(self) -> int:
        """How many tasks are queued."""
        return sum(lane.queued for lane in self.lanes)

    @property
    def running(self) -> int:
        """How many are delivered and not acknowledged."""
        return sum(lane.running for lane in self.lanes)

    @property
    def is_forsaken(self) -> bool:
        """Whether no worker is left for the tasks that there are.

        A worker that has a free slot asks for tasks. One that has none announces its kinds all the same; when it was killed, its
        tasks are delivered again after ``ack_wait``, to nobody.
        """
        if self.is_asked_for or not (self.queued or self.running):
            return False
        return not self.running or self.is_silent

    @property
    def is_silent(self) -> bool:
        """Whether no worker has announced the kind for so long that the tasks of a killed one would be delivered again."""
        patience = ANNOUNCE_SECONDS + max((lane.ack_wait for lane in self.lanes), default=0.0)
        return self.announced_seconds is not None and self.announced_seconds > patience

    @property
    def is_asked_for(self) -> bool:
        """Whether a worker with a free slot asks for tasks of some priority: of that alone, where others wait."""
        return any(lane.pulls for lane in self.lanes)


def find_state(found: Situation) -> State:
    """Say what is wrong with a kind."""
    if any(lane.paused for lane in found.lanes):
        return State(PAUSED, _paused(found))
    if found.is_forsaken:
        return State(NO_WORKERS, _no_workers(found))
    if found.is_silent and not (found.queued or found.running or found.is_asked_for):
        return State(UNUSED, None)
    full = [lane for lane in found.lanes if lane.is_full]
    if any(lane.is_limited for lane in full):
        return State(AT_LIMIT, _at_limit(found)) if found.queued else State(None, None)
    if full:
        return State(STALLED, f"stalled: {_tasks(found.running)} delivered and not acknowledged; restart its workers")
    # A lane whose readers all wait for a free slot; that of another priority may have some left.
    if not any(lane.queued and not lane.pulls for lane in found.lanes):
        return State(None, _redelivered(found))
    if found.oldest is not None and found.oldest >= SLOW_SECONDS:
        return State(SLOW, _slow(found, found.oldest))
    kept = f" of what waits; {_KEPT}" if found.is_asked_for else ""
    return State(BUSY, f"busy: each worker runs as many as it can{kept}")


def reader_state(lane: LaneState) -> State:
    """Say what is wrong with a consumer of the projector."""
    if lane.paused:
        resume = f"`nats consumer resume {subjects.STREAM} {lane.durable}`"
        return State(PAUSED, f"paused: {resume} lets it go on, as the user of NATS who paused it: none of ours may")
    idle = lane.idle_seconds is None or lane.idle_seconds > READER_GONE_SECONDS
    if lane.pulls or not idle:
        return State(None, None)
    what = "the read model" if lane.durable == consumer_names.PROJECTOR else "the firings of schedules"
    return State(
        NOT_RUNNING, f"not running: {what} stands still; start `headrace projector`, or see in its log why it waits"
    )


def _paused(found: Situation) -> str:
    waits = f"{_tasks(found.queued)} queued and not started; " if found.queued else ""
    return f"paused: {waits}`headrace resume {found.kind}` lets it go on"


def _no_workers(found: Situation) -> str:
    last = f", last announced {span(found.announced_seconds)} ago" if found.announced_seconds is not None else ""
    lost = f"{_tasks(found.running)} held by workers that are gone" if found.running else ""
    queued = f"{_tasks(found.queued)} queued" if found.queued else ""
    what = " and ".join(filter(None, (lost, queued)))
    return f"no workers{last}: {what}; start a worker that runs {found.kind}"


def _at_limit(found: Situation) -> str:
    return f"at its limit: as many run as its concurrency of {found.running} allows, {_tasks(found.queued)} queued"


def _slow(found: Situation, oldest: float) -> str:
    words = [f"the oldest queued task has waited {span(oldest)}"]
    if found.is_asked_for:
        words.append(_KEPT)
    if found.flow is not None:
        queued, started = (count * 60 / found.flow.seconds for count in (found.flow.queued, found.flow.started))
        words.append(f"{queued:.3g} a minute are queued and {started:.3g} start")
        gain = started - queued
        words.append(f"done in about {span(found.queued / gain * 60)}" if gain > 0 else "add workers")
    if found.run_p50 is not None:
        words.append(f"half of them run for {span(found.run_p50)} or more")
    if found.announcement is not None and found.announcement.rate is not None:
        words.append(f"its rate is {found.announcement.rate:g} a second")
    return f"slow: {'; '.join(words)}"


def _redelivered(found: Situation) -> str | None:
    count = sum(lane.redelivered for lane in found.lanes)
    if not count:
        return None
    return f"{_tasks(count)} delivered again: a worker ended, or did not answer for {span(found.lanes[0].ack_wait)}"


def _tasks(count: int) -> str:
    return f"{count:,} task is" if count == 1 else f"{count:,} tasks are"
