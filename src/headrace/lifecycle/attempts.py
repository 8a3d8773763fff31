"""Folding the timeline of a task into its attempts.

The fold takes whatever a log can hold: events that come late, about a run that is over or an attempt that was given up; events whose
beginning has aged out; times of clocks that differ. It changes times only so far that what begins does so before it ends.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

import msgspec
from msgspec import Struct

from headrace.contracts.attempts import Attempt, AttemptEnd, AttemptError
from headrace.contracts.events import EventName, Outcome
from headrace.contracts.tasks import FailureCode, Instant, TimelineEntry

_DIGITS = 6  # of a second: times have microseconds


class Folded(NamedTuple):
    """The attempts of a task, oldest first, and how many runs it has had."""

    attempts: list[Attempt]
    runs: int


def fold_attempts(timeline: Iterable[TimelineEntry]) -> Folded:
    """Return the attempts that a timeline tells of.

    Args:
        timeline: The entries, oldest first. Those that say nothing about attempts are passed over.
    """
    fold = _Fold()
    for entry in timeline:
        fold.apply(entry)
    return Folded([each.done() for each in fold.attempts], fold.run)


class _Said(Struct, frozen=True):
    """What entries say about attempts."""

    fence: int = 0
    due_at: Instant | None = None
    error: AttemptError | None = None
    worker: str | None = None
    delivered: int = 1
    queued_seconds: float | None = None
    run_seconds: float | None = None
    outcome: Outcome | None = None


_NOTHING_SAID = _Said()
_decoder = msgspec.json.Decoder(_Said)

_ENDS = {
    Outcome.SUCCEEDED: AttemptEnd.SUCCEEDED,
    Outcome.FAILED: AttemptEnd.FAILED,
    Outcome.CANCELLED: AttemptEnd.CANCELLED,
    # An end that cannot be read is a failure for every reader, see `headrace.contracts.events.read`.
    None: AttemptEnd.FAILED,
}


@dataclass
class _Attempt:
    """An attempt as far as it is known."""

    run: int
    number: int
    queued_at: datetime
    started_at: datetime | None = None
    ended_at: datetime | None = None
    worker: str | None = None
    given: int = 0
    given_back: int = 0
    wait_seconds: float | None = None
    run_seconds: float | None = None
    end: AttemptEnd | None = None
    error: AttemptError | None = None
    next_at: datetime | None = None

    def start(self, at: datetime, said: _Said) -> None:
        # The clock of whoever says when a task is due may be ahead of the log's.
        self.queued_at = min(self.queued_at, at)
        self.started_at = at if self.started_at is None else max(at, self.started_at)
        self.worker = said.worker
        self.given = max(self.given + 1, said.delivered - self.given_back)
        self.wait_seconds = _duration(said.queued_seconds, self.queued_at, self.started_at)

    def finish(self, at: datetime, end: AttemptEnd, said: _Said = _NOTHING_SAID) -> None:
        if self.started_at is None:
            self.queued_at = min(self.queued_at, at)
        else:
            at = max(at, self.started_at)
            self.run_seconds = _duration(said.run_seconds, self.started_at, at)
        self.ended_at, self.end = at, end
        self.note_error(said.error)

    def note_error(self, error: AttemptError | None) -> None:
        self.error = error
        if error is not None and error.code is FailureCode.WORKER_LOST:
            self.end = AttemptEnd.LOST

    def done(self) -> Attempt:
        said = dict(self.__dict__)
        del said["given_back"]
        return Attempt(**said)


class _Fold:
    def __init__(self) -> None:
        self.attempts: list[_Attempt] = []
        self.run = 0
        self._is_over = True
        self._fence = 0
        # The fences of all runs, and which events of them came: each comes once, unless the task was made anew.
        self._fences: set[int] = set()
        self._seen: set[tuple[str, int, int]] = set()

    def apply(self, entry: TimelineEntry) -> None:
        said = _read(entry)
        match entry.event:
            case EventName.QUEUED | EventName.DEFERRED:
                self._continue(entry, said)
            case EventName.STARTED:
                self._start(entry, said)
            case EventName.FINISHED:
                self._finish(entry, said)
            case _:
                # Files and later sorts of events say nothing about attempts.
                pass

    @property
    def _current(self) -> _Attempt | None:
        """The newest attempt of the current run."""
        last = self.attempts[-1] if self.attempts else None
        return last if last is not None and last.run == self.run else None

    def _continue(self, entry: TimelineEntry, said: _Said) -> None:
        if self._is_late(entry, said):
            return
        if self._is_over:
            self._begin_run()
        self._fence = said.fence
        self._fences.add(said.fence)
        self._seen.add((entry.event, said.fence, entry.attempt))
        if entry.event == EventName.QUEUED:
            self._queue(entry, said)
        else:
            self._defer(entry, said)

    def _is_late(self, entry: TimelineEntry, said: _Said) -> bool:
        """Whether a timer of a run that is over has fired nevertheless."""
        if said.fence not in self._fences or (said.fence == self._fence and not self._is_over):
            return False
        # A key that the log has forgotten makes a task anew, under the id of one that is over: the same event comes again.
        return not (self._is_over and entry.attempt == 1 and (entry.event, said.fence, 1) in self._seen)

    def _queue(self, entry: TimelineEntry, said: _Said) -> None:
        if (current := self._current) is None or entry.attempt > current.number:
            self._end_before(entry)
            runnable = entry.at if said.due_at is None else max(entry.at, said.due_at)
            # A timer may fire up to a second early. A worker gives such a task back, and is given it once more when it is due.
            self._add(entry.attempt, runnable).given_back = 0 if said.due_at is None else 1

    def _defer(self, entry: TimelineEntry, said: _Said) -> None:
        current = self._current
        if current is None:
            return
        if entry.attempt <= current.number:
            # A large event may come after its timer has fired, when the attempt that it announces is queued already.
            current = self.attempts[-2] if len(self.attempts) > 1 else None
            if current is None or current.run != self.run or entry.attempt <= current.number:
                return
        if current.end is None:
            current.finish(entry.at, AttemptEnd.RETRIED)
        if current.end is AttemptEnd.RETRIED and current.next_at is None:
            current.next_at = said.due_at
            current.note_error(said.error)

    def _start(self, entry: TimelineEntry, said: _Said) -> None:
        if self._is_over:
            # A worker that was slow to say so; or, at the very beginning, one of whose task the log has forgotten the submission.
            if self.run:
                return
            self._begin_run()
        current = self._current
        if current is None or entry.attempt > current.number:
            self._end_before(entry)
            current = self._add(entry.attempt, _before(entry.at, said.queued_seconds))
        if entry.attempt == current.number and current.end is None:
            current.start(entry.at, said)

    def _finish(self, entry: TimelineEntry, said: _Said) -> None:
        if self._is_over:
            if self.run:
                return
            self._begin_run()
        self._is_over = True
        current = self._current
        if current is None or current.end is not None:
            # It ended while the next attempt was not due, which is none yet.
            return
        if entry.attempt > current.number:
            self._end_before(entry)
        else:
            current.finish(entry.at, _ENDS[said.outcome], said)

    def _begin_run(self) -> None:
        self.run += 1
        self._is_over = False

    def _end_before(self, entry: TimelineEntry) -> None:
        """End the current attempt, because a later one is there."""
        current = self._current
        if current is not None and current.end is None:
            current.finish(entry.at, AttemptEnd.RETRIED)

    def _add(self, number: int, queued_at: datetime) -> _Attempt:
        added = _Attempt(run=self.run, number=number, queued_at=queued_at)
        self.attempts.append(added)
        return added


def _read(entry: TimelineEntry) -> _Said:
    try:
        return _decoder.decode(entry.data)
    except (msgspec.MsgspecError, RecursionError):
        # A later version may say it otherwise; which event it is, and when, is still worth showing.
        return _NOTHING_SAID


def _duration(said: float | None, begin: datetime, end: datetime) -> float:
    """Return how long something took: as its worker has measured it, else by the log's clock."""
    seconds = (end - begin).total_seconds() if said is None else max(said, 0.0)
    return round(seconds, _DIGITS)


def _before(at: datetime, seconds: float | None) -> datetime:
    try:
        return at - timedelta(seconds=max(seconds or 0.0, 0.0))
    except OverflowError:
        return at
