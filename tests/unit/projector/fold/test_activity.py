"""What is counted of an event, in which minute, and that no page and no repetition changes it."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from headrace.contracts.events import Deferred, Event, Finished, Outcome, Queued, Started, Withdrawn, encode
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.projector.decode import decode_page
from headrace.projector.fold.page import fold_page
from headrace.store.storable import EARLIEST
from headrace.store.tables import COUNTERS, TaskRow
from tests.examples import examples
from tests.unit.projector.fold.histories import FIRST, LATER, Action, actions, records

Counted = Counter[tuple[str, str, datetime, str]]

QUEUED = Queued(attempt=1, fence=0, input=Raw(b"{}"))
DEFERRED = Deferred(attempt=1, fence=0, input=Raw(b"{}"), due_at=LATER)
STARTED = Started(attempt=1, worker="w", queued_seconds=0.02)
SUCCEEDED = Finished(attempt=1, outcome=Outcome.SUCCEEDED, queued_seconds=0.02, run_seconds=3.0)


def at(sequence: int) -> datetime:
    """A minute for each sequence."""
    return FIRST + timedelta(minutes=sequence, seconds=sequence % 60)


def log_of(*events: Event, task: str = "t1", first: int = 1) -> list[Record]:
    subject = TaskSubject("", "echo", "normal", "u1", task)
    return [
        Record(sequence, subject.of(str(event.__struct_config__.tag)), at(sequence), {}, encode(event))
        for sequence, event in enumerate(events, first)
    ]


def count(log: list[Record], cuts: Iterable[int] = ()) -> Counted:
    """Fold a log in pages that end at the cuts; what was counted, without zeros."""
    rows: dict[str, TaskRow] = {}
    found: Counted = Counter()
    ends = sorted({min(cut, len(log)) for cut in cuts} | {len(log)})
    for start, end in zip([0, *ends], ends, strict=False):
        page = fold_page(decode_page(log[start:end]), copy.deepcopy(rows), {}, {}, 1700)
        rows |= {row.id: row for row in page.tasks}
        for row in page.activity:
            found.update(
                {
                    (row.owner, row.kind, row.at, name): number
                    for name, number in zip(COUNTERS, row.counters, strict=True)
                    if number
                }
            )
    return found


def names(log: list[Record]) -> dict[str, list[int]]:
    """The minutes in which something was counted, by the name of the counter."""
    found: dict[str, list[int]] = {}
    for (_, _, minute, name), number in sorted(count(log).items(), key=lambda item: item[0][2]):
        found.setdefault(name, []).extend([(minute - FIRST) // timedelta(minutes=1)] * number)
    return found


@pytest.mark.invariant(7)
@given(happening=actions(tasks=4), cuts=st.lists(st.integers(1, 40), max_size=12), spread=st.sampled_from([1, 7, 61]))
@examples(200)
def test_pages_of_any_sizes_count_the_same(happening: list[Action], cuts: list[int], spread: int) -> None:
    log = records(happening)
    for record in log:
        record.at = FIRST + timedelta(seconds=record.sequence * spread)
    assert count(log, cuts) == count(log) == count(log, range(1, len(log)))


def test_each_event_of_a_life_is_counted_in_its_minute() -> None:
    assert names(log_of(QUEUED, STARTED, SUCCEEDED)) == {
        "accepted": [1],
        "started": [2],
        "wait_2": [2],
        "succeeded": [3],
        "run_10": [3],
    }


def test_a_task_that_was_deferred_is_accepted_once_and_each_later_attempt_is_a_retry() -> None:
    again = [replace(event, attempt=2) for event in (DEFERRED, QUEUED, STARTED)]
    log = log_of(DEFERRED, QUEUED, STARTED, *again, replace(SUCCEEDED, outcome=Outcome.FAILED, attempt=2))
    counted = names(log)
    assert {name: counted[name] for name in ("accepted", "started", "retried", "failed")} == {
        "accepted": [1],
        "started": [3, 6],
        "retried": [4],
        "failed": [7],
    }


def test_a_task_that_is_run_again_is_accepted_again() -> None:
    log = log_of(QUEUED, STARTED, SUCCEEDED, replace(QUEUED, fence=3), STARTED, SUCCEEDED)
    counted = names(log)
    assert (counted["accepted"], counted["succeeded"]) == ([1, 4], [3, 6])


def test_what_was_appended_before_durations_were_written_is_counted_without_them() -> None:
    log = log_of(QUEUED, replace(STARTED, queued_seconds=None), replace(SUCCEEDED, run_seconds=None))
    assert set(names(log)) == {"accepted", "started", "succeeded"}


@pytest.mark.invariant(7)
@pytest.mark.parametrize("between", [(), (STARTED,)])
def test_a_task_that_was_withdrawn_counts_alike_with_and_without_its_queued_event(between: tuple[Event, ...]) -> None:
    withdrawn = Withdrawn(sequence=1, at=at(1), queued=QUEUED)
    end = Finished(attempt=1, outcome=Outcome.CANCELLED, withdrawn=withdrawn)
    live = log_of(QUEUED, *between, end)
    assert count(live) == count(live[1:])
    assert names(live)["accepted"] == [1]


@pytest.mark.invariant(7)
def test_an_end_that_the_log_was_given_again_counts_once_and_when_it_was() -> None:
    restored = replace(SUCCEEDED, restored=at(3))
    whole = log_of(QUEUED, STARTED, SUCCEEDED, restored)
    assert count(whole) == count(whole[:3])
    assert count(whole) == count([*whole[:2], whole[3]]), "as in the log that has only the second"


@pytest.mark.parametrize("when", [datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_an_end_out_of_every_calendar_is_counted_somewhere(when: datetime) -> None:
    restored: Any = replace(SUCCEEDED, restored=when)
    minutes = {key[2] for key in count(log_of(restored))}
    assert all(minute >= EARLIEST for minute in minutes)
    assert len(minutes) == 1
