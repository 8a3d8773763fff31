from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from headrace.contracts import events, schedules
from headrace.contracts.events import Finished, Outcome, Queued, Started, Withdrawn
from headrace.contracts.schedules import (
    ScheduleDefinition,
    ScheduleDeleted,
    ScheduleFired,
    ScheduleSaved,
    encode_definition,
)
from headrace.log import subjects
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.projector.decode import decode_page, schedule_ids
from headrace.projector.fold.page import fold_page
from headrace.store.tables import ScheduleRow
from tests.examples import examples

EPOCH = 1700
START = datetime(2030, 1, 1, tzinfo=UTC)
EVERY = ScheduleDefinition(kind="echo", input={"text": "é"}, every=60)
QUEUED = Queued(attempt=1, fence=0, input=Raw(b"{}"))

Rows = dict[str, ScheduleRow]


def at(sequence: int) -> datetime:
    return START + timedelta(seconds=sequence)


def about(sequence: int, event: schedules.ScheduleEvent, schedule: str = "s1", owner: str = "u1") -> Record:
    name = {ScheduleSaved: "saved", ScheduleDeleted: "deleted", ScheduleFired: "fired"}[type(event)]
    subject = subjects.schedule_event(name, owner, schedule)
    return Record(sequence, subject, at(sequence), {}, schedules.encode(event))


def of_task(sequence: int, event: events.Event, task: str, schedule: str | None = "s1", owner: str = "u1") -> Record:
    name = type(event).__name__.lower()
    headers = {subjects.OF_SCHEDULE: schedule} if schedule else {}
    subject = str(TaskSubject(name, "echo", "normal", owner, task))
    return Record(sequence, subject, at(sequence), headers, events.encode(event))


def project(log: list[Record], rows: Rows | None = None, cuts: set[int] | None = None) -> Rows:
    """Fold a log page by page, over rows that are there."""
    rows = rows if rows is not None else {}
    page: list[Record] = []
    for number, record in enumerate(log, 1):
        page.append(record)
        if number == len(log) or number in (cuts or ()):
            decoded = list(decode_page(page))
            wanted = schedule_ids(decoded)
            known = {id_: copy.copy(row) for id_, row in rows.items() if id_ in wanted}
            folded = fold_page(decoded, {}, {}, known, EPOCH)
            assert not set(folded.deleted_schedules) & {row.id for row in folded.schedules}
            rows |= {row.id: copy.copy(row) for row in folded.schedules}
            for deleted in folded.deleted_schedules:
                rows.pop(deleted, None)
            page = []
    return rows


def test_a_row_says_what_was_saved_and_what_was_submitted_last() -> None:
    log = [
        about(1, ScheduleSaved(definition=EVERY)),
        about(2, ScheduleFired(definition=EVERY, due_at=at(61))),
        of_task(3, QUEUED, "t1"),
        of_task(4, Started(attempt=1, worker="w"), "t1"),
        of_task(5, QUEUED, "t2"),
        of_task(6, msgspec.structs.replace(QUEUED, attempt=2), "t1"),
        of_task(7, msgspec.structs.replace(QUEUED, fence=4), "t1"),
        of_task(8, QUEUED, "somebody's", owner="u2"),
        of_task(9, QUEUED, "another's", schedule="s2"),
        of_task(10, QUEUED, "nobody's", schedule=None),
    ]
    (row,) = project(log).values()
    assert row == ScheduleRow(
        id="s1",
        owner="u1",
        definition=encode_definition(EVERY).decode(),
        created_at=at(1),
        updated_at=at(1),
        announced_at=at(61),
        last_at=at(5),
        last_task="t2",
        epoch=EPOCH,
        sequence=5,
    )


def test_a_changed_schedule_keeps_its_age_and_counts_anew() -> None:
    changed = msgspec.structs.replace(EVERY, every=10, name="faster")
    log = [
        about(1, ScheduleSaved(definition=EVERY)),
        of_task(3, QUEUED, "t1"),
        about(5, ScheduleSaved(definition=changed, created_at=at(1))),
    ]
    (row,) = project(log).values()
    assert (row.created_at, row.updated_at, row.announced_at) == (at(1), at(5), at(15))
    assert (row.last_task, row.sequence) == ("t1", 5)
    (alone,) = project(log[2:]).values()
    assert (alone.created_at, alone.updated_at) == (at(1), at(5)), "also when its beginning has left the log"


def test_a_timer_set_again_does_not_make_a_schedule_newer() -> None:
    again = ScheduleSaved(definition=EVERY, created_at=at(1), updated_at=at(2))
    (row,) = project([about(9, again)]).values()
    assert (row.created_at, row.updated_at, row.announced_at) == (at(1), at(2), at(69))


def test_firings_are_counted_from_the_one_that_was_saved_or_from_what_an_older_version_announced() -> None:
    (row,) = project([about(1, ScheduleSaved(definition=EVERY, next_at=at(31)))]).values()
    assert row.announced_at == at(31)
    older = about(2, ScheduleFired(definition=EVERY))
    announcing = Record(2, older.subject, older.at, {subjects.SCHEDULE_NEXT: at(62).isoformat()}, older.payload)
    (row,) = project([about(1, ScheduleSaved(definition=EVERY)), announcing]).values()
    assert row.announced_at == at(62)


def test_a_deleted_schedule_is_gone_also_for_what_comes_later() -> None:
    log = [
        about(1, ScheduleSaved(definition=EVERY)),
        about(2, ScheduleDeleted()),
        about(3, ScheduleFired(definition=EVERY, due_at=at(61))),
        of_task(4, QUEUED, "t1"),
    ]
    for cuts in (set[int](), {1}, {1, 2, 3}):
        assert project(log, cuts=cuts) == {}


@pytest.mark.invariant(7)
def test_a_task_that_was_withdrawn_is_the_last_as_if_it_still_stood_in_the_log() -> None:
    queued = of_task(2, QUEUED, "t1")
    withdrawn = Withdrawn(sequence=2, at=queued.at, queued=QUEUED)
    finished = of_task(9, Finished(attempt=1, outcome=Outcome.CANCELLED, by="u1", withdrawn=withdrawn), "t1")
    saved, later = about(1, ScheduleSaved(definition=EVERY)), of_task(5, QUEUED, "t2")
    for between in ([], [later], [about(7, ScheduleFired(definition=EVERY, due_at=at(61)))]):
        live, replayed = [saved, queued, *between, finished], [saved, *between, finished]
        for cuts in (set[int](), set(range(5))):
            assert project(live, cuts=cuts) == project(replayed, cuts=cuts)
        (row,) = project(replayed).values()
        assert row.last_task == ("t2" if between == [later] else "t1")


def _record(what: int, sequence: int) -> Record:
    schedule = f"s{sequence % 2}"
    happenings: list[Any] = [
        lambda: about(sequence, ScheduleSaved(definition=EVERY), schedule),
        lambda: about(sequence, ScheduleFired(definition=EVERY, due_at=at(61)), schedule),
        lambda: about(sequence, ScheduleDeleted(), schedule),
        lambda: of_task(sequence, QUEUED, f"t{sequence}", schedule),
        lambda: of_task(sequence, Started(attempt=1, worker="w"), f"t{sequence}", schedule),
        lambda: about(sequence, ScheduleSaved(definition=EVERY), schedule, owner="thief"),
    ]
    return happenings[what]()


@pytest.mark.invariant(7)
@given(
    happenings=st.lists(st.integers(0, 5), min_size=1, max_size=30),
    cuts=st.sets(st.integers(1, 30)),
    again=st.integers(1, 30),
)
@examples(300)
def test_rows_are_the_same_however_the_log_is_cut_into_pages(happenings: list[int], cuts: set[int], again: int) -> None:
    log = [_record(what, sequence) for sequence, what in enumerate(happenings, 1)]
    rows = project(log)
    assert project(log, cuts=cuts) == rows
    kept = {id_: copy.copy(row) for id_, row in rows.items()}
    if ScheduleDeleted not in {type(schedules.decode(r.payload)) for r in log if subjects.is_of_schedule(r.subject)}:
        assert project(log[-again:], kept, cuts) == rows, "what is read again changes nothing"
