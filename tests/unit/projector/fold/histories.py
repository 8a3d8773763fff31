"""What may stand in a log: any events that workers, timers and the API could have appended, however late they come."""

from __future__ import annotations

import random
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from hypothesis import strategies as st
from msgspec import Raw

from headrace.contracts.events import (
    Deferred,
    Emitted,
    Event,
    Finished,
    Logged,
    Outcome,
    Progressed,
    Queued,
    Started,
    Stored,
    Withdrawn,
    decode,
    encode,
)
from headrace.contracts.tasks import FailureCode, TaskError
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject

LATER = datetime(2031, 2, 3, tzinfo=UTC)
FIRST = datetime(2030, 1, 1, tzinfo=UTC)

ACTIONS = (
    "queued",  # at first, or as a retry, or once more after a finish
    "deferred",
    "started",  # also by a second worker after a redelivery, and late
    "progressed",
    "logged",
    "emitted",
    "stored",
    "finished",
    "withdrawn",  # ended while it was queued, with its `queued` inside
    "restored",  # an end that the log had lost, or that it has after all
    "stale queued",  # a timer of a run that is over
    "stale deferred",
)


class Action(NamedTuple):
    """Something happens to a task; ``number`` fills in the details."""

    task: int
    what: str
    number: int


def actions(tasks: int = 2, max_size: int = 40) -> st.SearchStrategy[list[Action]]:
    often = ACTIONS + ("queued", "started", "finished") * 2
    one = st.builds(Action, st.integers(0, tasks - 1), st.sampled_from(often), st.integers(0, 20))
    return st.lists(one, min_size=15, max_size=max_size)


def some_actions(seed: int, count: int, tasks: int) -> list[Action]:
    made_up = random.Random(seed)
    often = ACTIONS + ("queued", "started", "finished") * 2
    return [Action(made_up.randrange(tasks), made_up.choice(often), made_up.randrange(20)) for _ in range(count)]


class Life:
    """One task: knows which event may come next, by the rules of the log alone."""

    def __init__(self, number: int) -> None:
        self.subject = TaskSubject(
            "", f"kind_{number % 2}", ("high", "low")[number % 2], f"u{number % 2}", f"t{number}"
        )
        self.headers = {"Headrace-Batch": f"b{number}"} if number % 3 == 0 else {}
        if number % 2:
            self.headers["Headrace-Correlation-Id"] = f"c{number}"
        self.attempt = 1
        self.fence = 0
        self.last_finish = 0
        self.last_end: Finished | None = None
        self.finishes = [0]
        self.waiting: Withdrawn | None = None  # what would be withdrawn if it ended now

    def event(self, what: str, number: int) -> Event | None:
        """The event, or None when the log would not take it."""
        over = self.last_finish > self.fence
        match what:
            case "queued" | "deferred":
                self.attempt = 1 if over else self.attempt + number % 2
                self.fence = self.last_finish
                return self._begin(what, self.fence, self.attempt, number)
            case "stale queued" | "stale deferred":
                stale = [fence for fence in self.finishes if fence != self.last_finish]
                if not stale:
                    return None
                return self._begin(what.removeprefix("stale "), stale[number % len(stale)], 1 + number % 4, number)
            case "started":
                waited = None if number % 4 == 0 else number / 8
                return Started(attempt=self.attempt, worker=f"w{number}", queued_seconds=waited)
            case "progressed":
                return Progressed(attempt=self.attempt, fraction=number / 20, message=None if number % 2 else "on it")
            case "logged":
                return Logged(attempt=self.attempt, level="info", message=f"line {number}")
            case "emitted":
                return Emitted(attempt=self.attempt, chunks=[number, {"n": None}])
            case "stored":
                return Stored(
                    attempt=self.attempt,
                    file=f"{self.subject.task}-{number}",
                    key=f"k{number}",
                    name=f"ř {number % 4}",
                    size=number,
                    media_type="text/plain",
                    checksum="c",
                )
            case "finished":
                return None if over else self._finish(number)
            case "withdrawn":
                return None if over or self.waiting is None else self._end_from_outside(number, self.waiting)
            case "restored":
                end = self.last_end if over and self.last_end is not None else self._finish(number)
                return msgspec.structs.replace(end, withdrawn=None, restored=FIRST)
            case _:
                raise ValueError(what)

    def appended(self, event: Event, sequence: int, at: datetime) -> None:
        if isinstance(event, Finished):
            self.last_finish, self.last_end = sequence, event
            self.finishes.append(sequence)
        if isinstance(event, Queued) and event.fence == self.fence and self.last_finish <= self.fence:
            self.waiting = Withdrawn(sequence=sequence, at=at, queued=event)
        elif not isinstance(event, Progressed | Logged | Emitted):
            self.waiting = None

    def _begin(self, what: str, fence: int, attempt: int, number: int) -> Event:
        raw, most = Raw(b'{"text":"\\u0000 \xc5\xbelu\xc5\xa5","n":%d}' % number), None if number % 2 else 3
        if what == "queued":
            due = LATER + timedelta(hours=number) if number % 5 == 0 else None
            expires = None if number % 4 else LATER + timedelta(days=number)
            return Queued(attempt=attempt, fence=fence, input=raw, max_attempts=most, due_at=due, expires_at=expires)
        error = TaskError(code=FailureCode.RAISED, message="again", traceback=None) if number % 3 else None
        due = LATER + timedelta(hours=number)
        return Deferred(attempt=attempt, fence=fence, input=raw, max_attempts=most, due_at=due, error=error)

    def _end_from_outside(self, number: int, waiting: Withdrawn) -> Finished:
        if number % 2:
            return Finished(attempt=self.attempt, outcome=Outcome.CANCELLED, by="u1", withdrawn=waiting)
        error = TaskError(code=FailureCode.EXPIRED, message="not started in time")
        return Finished(attempt=self.attempt, outcome=Outcome.FAILED, error=error, withdrawn=waiting)

    def _finish(self, number: int) -> Finished:
        match number % 3:
            case 0:
                result = Raw((b"null", b'{"a": [1.50, "\xc5\xbe"]}', b'"\\u0000"')[number // 3 % 3])
                ran = number * 1.5
                return Finished(
                    attempt=self.attempt,
                    outcome=Outcome.SUCCEEDED,
                    result=result,
                    queued_seconds=ran / 4,
                    run_seconds=ran,
                )
            case 1:
                error = TaskError(code=FailureCode.TIMEOUT, message="late \x00", traceback="Traceback\n  …")
                # A clock that was set back makes such a number.
                return Finished(attempt=self.attempt, outcome=Outcome.FAILED, error=error, run_seconds=-0.5)
            case _:
                return Finished(attempt=self.attempt, outcome=Outcome.CANCELLED, by="u1")


class Appending(NamedTuple):
    subject: str
    payload: bytes
    headers: dict[str, str]


class History:
    """Events of several tasks, one after the other."""

    def __init__(self) -> None:
        self._lives: dict[int, Life] = {}

    def next(self, action: Action) -> tuple[Appending, Life, Event] | None:
        life = self._lives.setdefault(action.task, Life(action.task))
        event = life.event(action.what, action.number)
        if event is None:
            return None
        name: Any = event.__struct_config__.tag
        return Appending(str(life.subject._replace(event=name)), encode(event), life.headers), life, event


def records(happening: Iterable[Action]) -> list[Record]:
    """A log as it would be read; sequences have gaps, as where other things stand."""
    history, found, sequence = History(), list[Record](), 0
    for action in happening:
        sequence += 1 + action.number % 3
        step = history.next(action)
        if step is not None:
            (subject, payload, headers), life, event = step
            at = FIRST + timedelta(milliseconds=sequence)
            found.append(Record(sequence, subject, at, headers, payload))
            life.appended(event, sequence, at)
    return found


def withdrawn(log: Iterable[Record]) -> set[int]:
    """The sequences of what is no longer in a log, because it lives on in a finish."""
    ends = [decode(record.payload) for record in log if ".finished." in record.subject]
    return {end.withdrawn.sequence for end in ends if isinstance(end, Finished) and end.withdrawn is not None}
