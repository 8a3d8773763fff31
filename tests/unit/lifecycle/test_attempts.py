from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from headrace.contracts.attempts import Attempt
from headrace.contracts.events import Event, Outcome
from headrace.contracts.tasks import FailureCode, TaskError, TimelineEntry
from headrace.lifecycle.attempts import Folded, fold_attempts
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.projector.fold.timeline import timeline_entries
from tests.unit.strategies import EVENTS, errors, json_values

BEGIN = datetime(2030, 1, 1, tzinfo=UTC)
RAISED = {"code": "raised", "message": "no", "traceback": "long"}
LOST = {"code": "worker_lost", "message": "gone", "traceback": None}


def at(seconds: float) -> datetime:
    return BEGIN + timedelta(seconds=seconds)


def entry(second: float, event: str, attempt: int = 1, **data: Any) -> TimelineEntry:
    return TimelineEntry(
        position=f"1-{round(second) + 1}",
        event=event,
        at=at(second),
        attempt=attempt,
        data=Raw(msgspec.json.encode(data)),
    )


def fold(*timeline: TimelineEntry) -> list[Attempt]:
    return fold_attempts(timeline).attempts


def ends(*timeline: TimelineEntry) -> list[tuple[int, int, str | None]]:
    return [(each.run, each.number, each.end) for each in fold(*timeline)]


def test_a_task_that_succeeds_at_once_has_one_attempt_with_what_it_waited_and_ran() -> None:
    (attempt,) = fold(
        entry(0, "queued", fence=0),
        entry(2, "started", worker="w1", delivered=1, queued_seconds=1.9),
        entry(3, "stored", key="k", name="n"),
        entry(5, "finished", outcome="succeeded", worker="w1", queued_seconds=1.9, run_seconds=2.5),
    )
    assert (attempt.queued_at, attempt.started_at, attempt.ended_at) == (at(0), at(2), at(5))
    assert (attempt.worker, attempt.given, attempt.wait_seconds, attempt.run_seconds) == ("w1", 1, 1.9, 2.5)
    assert (attempt.run, attempt.number, attempt.end, attempt.error) == (1, 1, "succeeded", None)


def test_a_retry_says_why_and_when_it_follows_and_is_an_attempt_once_it_is_queued() -> None:
    begin = [entry(0, "queued", fence=0), entry(1, "started", worker="w1"), entry(3, "deferred", 2, fence=0, due_at=at(10), error=RAISED)]  # fmt: skip
    (first,) = fold(*begin)
    assert (first.end, first.next_at, first.ended_at, first.run_seconds) == ("retried", at(10), at(3), 2.0)
    assert first.error is not None
    assert (first.error.code, first.error.message) == (FailureCode.RAISED, "no")
    queued = entry(9, "queued", 2, fence=0, due_at=at(10))
    _, second = fold(*begin, queued)
    # The timer goes off early, and no worker starts the task before it is due.
    assert (second.number, second.queued_at, second.end) == (2, at(10), None)
    _, second = fold(*begin, queued, entry(11, "started", 2, worker="w2"), entry(12, "finished", 2, outcome="failed", error=RAISED))  # fmt: skip
    assert (second.wait_seconds, second.run_seconds, second.end, second.worker) == (1.0, 1.0, "failed", "w2")


def test_a_retry_that_was_written_after_its_timer_has_fired_says_the_same() -> None:
    first, second = fold(
        entry(0, "queued", fence=0),
        entry(1, "started", worker="w1"),
        entry(3, "queued", 2, fence=0),
        entry(4, "deferred", 2, fence=0, due_at=at(3), error=RAISED),
        entry(5, "started", 2, worker="w1"),
    )
    assert (first.end, first.next_at, first.ended_at, first.error is not None) == ("retried", at(3), at(3), True)
    assert (second.number, second.started_at, second.end, second.error) == (2, at(5), None, None)


def test_an_attempt_is_lost_with_its_worker_and_says_how_often_it_was_given() -> None:
    begin = [entry(0, "queued", fence=0), entry(1, "started", worker="w1"), entry(31, "started", worker="w2", delivered=2)]  # fmt: skip
    (running,) = fold(*begin)
    assert (running.given, running.worker, running.started_at, running.end) == (2, "w2", at(31), None)
    (lost,) = fold(*begin, entry(61, "started", worker="w3", delivered=3), entry(91, "finished", outcome="failed", error=LOST))  # fmt: skip
    assert (lost.given, lost.end, lost.next_at) == (3, "lost", None)
    (again,) = fold(*begin, entry(40, "deferred", 2, fence=0, due_at=at(45), error=LOST))
    assert (again.end, again.next_at) == ("lost", at(45))


def test_an_attempt_that_was_given_back_until_it_was_due_was_given_once() -> None:
    later = entry(0, "queued", fence=0, due_at=at(1))
    (on_time,) = fold(later, entry(1, "started", worker="w1", delivered=1))
    (early,) = fold(later, entry(1, "started", worker="w1", delivered=2))
    assert on_time.given == early.given == 1
    (lost,) = fold(later, entry(1, "started", worker="w1", delivered=2), entry(31, "started", worker="w2", delivered=3))
    assert lost.given == 2


def test_each_run_begins_with_a_first_attempt() -> None:
    first = [entry(0, "queued", fence=0), entry(1, "started"), entry(2, "finished", outcome="failed", error=RAISED)]
    second = [entry(10, "queued", fence=3), entry(11, "started"), entry(12, "finished", outcome="succeeded")]
    assert ends(*first, *second) == [(1, 1, "failed"), (2, 1, "succeeded")]
    # A worker that was given up appends what it did, and a timer of the first run fires.
    late = [entry(5, "started", 1), entry(6, "finished", outcome="succeeded"), entry(7, "queued", 2, fence=0)]
    assert ends(*first, *late, *second) == [(1, 1, "failed"), (2, 1, "succeeded")]
    assert ends(*first, *second[:2], entry(11.5, "queued", 2, fence=0)) == [(1, 1, "failed"), (2, 1, None)]
    # An idempotency key that the log has forgotten makes the task once more.
    assert ends(*first, entry(20, "queued", fence=0)) == [(1, 1, "failed"), (2, 1, None)]


def test_what_was_not_due_yet_is_no_attempt() -> None:
    deferred = entry(0, "deferred", fence=0, due_at=at(100), error=None)
    assert fold_attempts([deferred]) == Folded([], 1)
    assert fold_attempts([deferred, entry(5, "finished", outcome="cancelled", by="u1")]) == Folded([], 1)
    (queued,) = fold(deferred, entry(100, "queued", fence=0, due_at=at(100)))
    assert (queued.number, queued.queued_at) == (1, at(100))
    retried = [entry(0, "queued", fence=0), entry(1, "started"), entry(2, "deferred", 2, fence=0, due_at=at(99), error=RAISED)]  # fmt: skip
    assert ends(*retried, entry(5, "finished", 2, outcome="cancelled", by="u1")) == [(1, 1, "retried")]


def test_an_attempt_may_end_without_a_start() -> None:
    queued = entry(0, "queued", fence=0, due_at=at(3))
    (attempt,) = fold(queued, entry(2, "finished", outcome="cancelled", by="u1"))
    assert (attempt.queued_at, attempt.started_at, attempt.ended_at, attempt.end) == (at(2), None, at(2), "cancelled")
    assert (attempt.wait_seconds, attempt.run_seconds, attempt.given) == (None, None, 0)


def test_a_timeline_whose_beginning_is_gone_shows_what_is_left() -> None:
    (attempt,) = fold(entry(5, "started", 3, worker="w", queued_seconds=2.0), entry(6, "finished", 3, outcome="succeeded"))  # fmt: skip
    assert (attempt.run, attempt.number, attempt.queued_at, attempt.end) == (1, 3, at(3), "succeeded")
    assert fold_attempts([entry(6, "finished", 3, outcome="failed")]) == Folded([], 1)
    assert fold_attempts([]) == Folded([], 0)


SUBJECT = TaskSubject("", "echo", "normal", "u1", "t1")
names = st.sampled_from(["queued", "deferred", "started", "stored", "finished", "later"])
times = st.datetimes(timezones=st.just(UTC)) | st.integers(0, 50).map(at)


@st.composite
def written(draw: st.DrawFn) -> list[TimelineEntry]:
    """Any events, in any order and of any time, as the projector writes them."""
    said: list[Event] = draw(st.lists(st.one_of(*EVENTS.values()), max_size=12))
    found: list[TimelineEntry] = []
    for sequence, event in enumerate(said, 1):
        subject = SUBJECT._replace(event=str(event.__struct_config__.tag))
        for row in timeline_entries(Record(sequence, str(subject), draw(times), {}, b""), subject, event, 1):
            found.append(TimelineEntry(position=f"1-{row.sequence}", event=row.event, at=row.at, attempt=row.attempt, data=Raw(row.data.encode())))  # fmt: skip
    return found


fields = st.fixed_dictionaries(
    {},
    optional={
        "fence": st.integers(0, 6),
        "due_at": times,
        "error": st.none() | errors,
        "worker": st.sampled_from(["w1", "w2"]),
        "delivered": st.integers(0, 4),
        "queued_seconds": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "run_seconds": st.none() | st.floats(-1, 100),
        "outcome": st.sampled_from(Outcome),
    },
)
likely = st.builds(
    TimelineEntry,
    position=st.just("1-1"),
    event=names,
    at=times,
    attempt=st.integers(1, 4),
    data=(fields | json_values).map(lambda data: Raw(msgspec.json.encode(data))),
)


@given(written() | st.lists(likely, max_size=14))
def test_whatever_a_timeline_says_times_are_in_order_and_numbers_increase(timeline: list[TimelineEntry]) -> None:
    attempts, runs = fold_attempts(timeline)
    for each in attempts:
        instants = [each.queued_at, each.started_at, each.ended_at]
        known = [instant for instant in instants if instant is not None]
        assert known == sorted(known)
        assert (each.end is None) == (each.ended_at is None)
        assert (each.given > 0) == (each.started_at is not None) == (each.wait_seconds is not None)
        assert 1 <= each.run <= runs
        assert (each.wait_seconds or 0) >= 0
        assert (each.run_seconds or 0) >= 0
        assert each.next_at is None or each.end in ("retried", "lost")
        msgspec.json.encode(each)
    for before, after in pairwise(attempts):
        assert (before.run, before.number) < (after.run, after.number)
        assert before.end is not None or after.run > before.run


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[TimelineEntry], list[tuple[int, int, str | None]]]:
    """What a task goes through when nothing comes late, and how each of its attempts ends."""
    timeline: list[TimelineEntry] = []
    told: list[tuple[int, int, str | None]] = []
    now, fence = 0, 0
    for run in range(1, draw(st.integers(1, 4)) + 1):
        number = 1
        while True:
            timeline.append(entry(now := now + 1, "queued", number, fence=fence))
            starts = draw(st.integers(1, 3))
            for delivered in range(1, starts + 1):
                timeline.append(entry(now := now + 1, "started", number, worker="w", delivered=delivered))
            if number == 4 or draw(st.booleans()):
                break
            error = TaskError(code=FailureCode.RAISED, message="no")
            timeline.append(entry(now := now + 1, "deferred", number + 1, fence=fence, due_at=at(now), error=error))
            told.append((run, number, "retried"))
            number += 1
        outcome = draw(st.sampled_from(Outcome))
        timeline.append(entry(now := now + 1, "finished", number, outcome=outcome))
        told.append((run, number, outcome))
        fence = now + 1
    return timeline, told


@given(histories())
def test_a_history_in_order_is_told_attempt_by_attempt(history: tuple[list[TimelineEntry], list[Any]]) -> None:
    timeline, told = history
    assert ends(*timeline) == told
    assert fold_attempts(timeline).runs == told[-1][0]
