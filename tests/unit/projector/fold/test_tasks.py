from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import event as note
from hypothesis import given
from msgspec import Raw

from headrace.contracts.events import (
    HIGH_RATE,
    Deferred,
    EventName,
    Finished,
    Outcome,
    Queued,
    Withdrawn,
    decode,
    encode,
)
from headrace.contracts.fingerprints import fingerprint
from headrace.contracts.tasks import State
from headrace.log import subjects
from headrace.log.records import NO_HEADERS, Record
from headrace.log.subjects import TaskSubject
from headrace.projector.fold.tasks import fold_task
from headrace.projector.fold.timeline import timeline_entries
from headrace.store.tables import TaskRow
from tests.examples import examples
from tests.unit.projector.fold.histories import Action, actions, records

EPOCH = 1700


class Story:
    """One task, told event by event."""

    def __init__(self) -> None:
        self.row: TaskRow | None = None
        self.sequence = 0

    def tell(self, event: Any, sequence: int | None = None, headers: Mapping[str, str] = NO_HEADERS) -> TaskRow | None:
        """What the event makes of the row; None when nothing."""
        self.sequence = sequence or self.sequence + 1
        name = event.__struct_config__.tag
        subject = TaskSubject(name, "echo", "normal", "u1", "t1")
        record = Record(self.sequence, str(subject), self.at(self.sequence), headers, encode(event))
        after = fold_task(self.row, record, subject, decode(record.payload), EPOCH)
        self.row = after or self.row
        return copy.copy(after)

    @staticmethod
    def at(sequence: int) -> datetime:
        return datetime(2030, 1, 1, 0, 0, sequence, tzinfo=UTC)


def queued(attempt: int = 1, fence: int = 0) -> Queued:
    return Queued(attempt=attempt, fence=fence, input=Raw(b'{"text": "x"}'), max_attempts=3)


def read(event: dict[str, Any]) -> Any:
    return decode(msgspec.json.encode(event))


STARTED = read({"event": "started", "attempt": 1, "worker": "w"})
SUCCEEDED = read({"event": "finished", "attempt": 1, "outcome": "succeeded", "result": {"n": 1}})
FAILED = read({"event": "finished", "attempt": 1, "outcome": "failed", "error": {"code": "raised", "message": "no"}})


@pytest.mark.parametrize("started", [False, True])
def test_a_deferral_that_arrives_after_its_timer_has_fired_says_only_why(started: bool) -> None:
    story = Story()
    story.tell(queued())
    story.tell(STARTED)
    story.tell(queued(attempt=2))
    if started:
        story.tell(msgspec.structs.replace(STARTED, attempt=2))
    deferred = {"event": "deferred", "attempt": 2, "fence": 0, "input": {}, "due_at": "2030-01-01T00:00:03Z"}
    row = story.tell(read({**deferred, "error": {"code": "raised", "message": "no"}}))
    assert row is not None
    assert (row.state, row.attempt, row.code) == ("running" if started else "queued", 2, "raised")
    row = story.tell(msgspec.structs.replace(SUCCEEDED, attempt=2))
    assert row is not None
    assert row.state == "succeeded"
    assert story.tell(read(deferred)) is None


def test_a_task_goes_from_queued_over_running_to_succeeded() -> None:
    story = Story()
    row = story.tell(queued())
    assert row is not None
    assert (row.state, row.input, row.created_at, row.max_attempts) == ("queued", '{"text": "x"}', story.at(1), 3)
    row = story.tell(STARTED)
    assert row is not None
    assert (row.state, row.started_at) == ("running", story.at(2))
    row = story.tell(read({"event": "progressed", "attempt": 1, "fraction": 0.5, "message": "half"}))
    assert row is not None
    assert json.loads(row.progress or "") == {"fraction": 0.5, "message": "half"}
    row = story.tell(SUCCEEDED)
    assert row is not None
    assert (row.state, row.result, row.finished_at, row.progress) == ("succeeded", '{"n":1}', story.at(4), None)
    assert (row.created_at, row.started_at, row.sequence) == (story.at(1), story.at(2), 4)


def test_a_task_has_the_title_labels_and_schedule_of_its_headers_and_is_called_by_its_input_without_them() -> None:
    headers = {subjects.TITLE: "Essay", subjects.LABELS: '{"b":"2","a":"1"}', subjects.OF_SCHEDULE: "s1"}
    row = Story().tell(queued(), headers=headers)
    assert row is not None
    assert (row.title, row.labels, row.schedule) == ("Essay", ["a=1", "b=2"], "s1")
    assert json.loads(row.headers) == headers
    row = Story().tell(queued())
    assert row is not None
    assert (row.title, row.labels, row.schedule) == ("x", [], None)


def test_a_failure_has_a_fingerprint_for_as_long_as_it_has_a_code() -> None:
    story = Story()
    story.tell(queued())
    failed = story.tell(FAILED)
    assert failed is not None
    assert failed.fingerprint == fingerprint("echo", "raised", "no")
    again = story.tell(queued(fence=2))
    assert again is not None
    assert (again.code, again.fingerprint) == (None, None)


def test_a_retry_waits_with_the_error_of_the_attempt_before() -> None:
    story = Story()
    story.tell(queued())
    story.tell(STARTED)
    deferred = {"event": "deferred", "attempt": 2, "fence": 0, "input": {}, "due_at": "2031-01-01T00:00:00Z"}
    row = story.tell(read({**deferred, "error": {"code": "raised", "message": "no"}}))
    assert row is not None
    assert (row.state, row.attempt, row.due_at) == ("pending", 2, datetime(2031, 1, 1, tzinfo=UTC))
    assert json.loads(row.error or "")["message"] == "no"
    row = story.tell(queued(attempt=2))
    assert row is not None
    assert (row.state, row.attempt, row.due_at) == ("queued", 2, None)


@pytest.mark.invariant(2)
def test_a_late_word_about_a_run_that_is_over_changes_nothing() -> None:
    story = Story()
    story.tell(queued())
    story.tell(FAILED)
    for late in (
        STARTED,
        read({"event": "progressed", "attempt": 1, "fraction": 0.5}),
        read({"event": "logged", "attempt": 1, "level": "info", "message": "still here"}),
        read({"event": "emitted", "attempt": 1, "chunks": [1]}),
        SUCCEEDED,
        queued(),
        queued(attempt=2),
        queued(fence=1),
        queued(fence=3),
    ):
        assert story.tell(late) is None
    assert story.row is not None
    assert (story.row.state, story.row.sequence) == ("failed", 2)


def test_a_task_that_is_opened_again_forgets_how_it_ended() -> None:
    story = Story()
    story.tell(queued())
    story.tell(STARTED)
    stored = {
        "event": "stored",
        "attempt": 1,
        "file": "f",
        "key": "k",
        "name": "n",
        "size": 1,
        "media_type": "m",
        "checksum": "c",
    }
    story.tell(read(stored))
    story.tell(FAILED)
    row = story.tell(queued(fence=4))
    assert row is not None
    assert (row.state, row.error, row.files, row.started_at, row.finished_at) == ("queued", None, "[]", None, None)
    assert row.created_at == story.at(1)
    row = story.tell(SUCCEEDED)
    assert row is not None
    assert row.state == "succeeded"


def test_an_event_of_a_task_whose_beginning_has_left_the_log_makes_no_row() -> None:
    for event in (STARTED, SUCCEEDED, read({"event": "progressed", "attempt": 1, "fraction": 0})):
        assert Story().tell(event) is None


def test_what_a_row_does_not_show_does_not_move_its_position() -> None:
    story = Story()
    story.tell(queued())
    assert story.tell(read({"event": "logged", "attempt": 1, "level": "info", "message": "x"})) is None
    assert story.tell(read({"event": "emitted", "attempt": 1, "chunks": []})) is None
    assert story.row is not None
    assert story.row.sequence == 1


@pytest.mark.parametrize("name", sorted(HIGH_RATE))
def test_what_is_of_use_only_while_it_happens_has_no_line_in_the_timeline(name: EventName) -> None:
    subject = TaskSubject(name, "echo", "normal", "u1", "t1")
    record = Record(1, str(subject), Story.at(1), {}, b"")
    assert list(timeline_entries(record, subject, STARTED, EPOCH)) == []


def cancelled(waited: Queued, sequence: int) -> Finished:
    withdrawn = Withdrawn(sequence=sequence, at=Story.at(sequence), queued=waited)
    return Finished(attempt=waited.attempt, outcome=Outcome.CANCELLED, by="u1", withdrawn=withdrawn)


@pytest.mark.invariant(7)
def test_a_task_that_ended_while_it_was_queued_is_whole_although_its_queued_has_left_the_log() -> None:
    story = Story()
    row = story.tell(cancelled(queued(), 1), sequence=5)
    assert row is not None
    assert (row.state, row.input, row.max_attempts) == ("cancelled", '{"text": "x"}', 3)
    assert (row.created_at, row.queued_at, row.finished_at) == (story.at(1), story.at(1), story.at(5))
    assert (row.attempt, row.fence, row.sequence) == (1, 0, 5)


@pytest.mark.invariant(7)
def test_a_task_that_was_opened_again_and_withdrawn_remembers_its_beginning_and_nothing_of_its_first_end() -> None:
    story = Story()
    story.tell(queued())
    story.tell(STARTED)
    story.tell(FAILED)
    row = story.tell(cancelled(queued(fence=3), 4), sequence=5)
    assert row is not None
    assert (row.state, row.error, row.started_at, row.fence) == ("cancelled", None, None, 3)
    assert (row.created_at, row.queued_at, row.finished_at) == (story.at(1), story.at(4), story.at(5))


@pytest.mark.invariant(7)
def test_an_end_from_outside_that_a_start_came_before_is_read_alike_with_and_without_what_was_withdrawn() -> None:
    waited = queued()
    due_at = datetime(2031, 1, 1, tzinfo=UTC)
    waiting = Deferred(attempt=1, fence=0, input=waited.input, max_attempts=waited.max_attempts, due_at=due_at)
    at_the_time, later = Story(), Story()
    for story in (at_the_time, later):
        story.tell(waiting, sequence=1)
        if story is at_the_time:
            story.tell(waited, sequence=2)
        story.tell(STARTED, sequence=3)
        story.tell(cancelled(waited, 2), sequence=4)
    assert at_the_time.row == later.row
    assert later.row is not None
    assert (later.row.state, later.row.queued_at) == ("cancelled", Story.at(2))


@pytest.mark.invariant(7)
def test_a_task_shows_how_long_its_last_attempt_waited_and_ran_as_its_events_say() -> None:
    story = Story()
    story.tell(queued())
    row = story.tell(msgspec.structs.replace(STARTED, queued_seconds=0.5))
    assert row is not None
    assert (row.wait_seconds, row.run_seconds) == (0.5, None)
    story.tell(queued(attempt=2))
    story.tell(msgspec.structs.replace(STARTED, attempt=2, queued_seconds=0.25))
    row = story.tell(msgspec.structs.replace(SUCCEEDED, attempt=2, queued_seconds=0.25, run_seconds=7.0))
    assert row is not None
    assert (row.wait_seconds, row.run_seconds) == (0.25, 7.0)
    again = story.tell(queued(fence=story.sequence))
    assert again is not None
    assert (again.wait_seconds, again.run_seconds) == (None, None)


@pytest.mark.invariant(7)
def test_events_from_before_durations_were_written_show_none_and_read_as_they_did() -> None:
    story = Story()
    story.tell(queued())
    story.tell(STARTED)
    row = story.tell(SUCCEEDED)
    assert row is not None
    assert (row.wait_seconds, row.run_seconds) == (None, None)
    subject = TaskSubject("finished", "echo", "normal", "u1", "t1")
    (entry,) = timeline_entries(Record(3, str(subject), Story.at(3), {}, b""), subject, SUCCEEDED, EPOCH)
    assert json.loads(entry.data) == {"outcome": "succeeded", "error": None, "by": None, "worker": None}


@pytest.mark.invariant(7)
def test_a_start_that_came_too_late_leaves_no_wait() -> None:
    story = Story()
    story.tell(queued())
    story.tell(msgspec.structs.replace(STARTED, queued_seconds=0.5))
    row = story.tell(cancelled(queued(), 1))
    assert row is not None
    assert (row.started_at, row.wait_seconds, row.run_seconds) == (None, None, None)


@pytest.mark.invariant(7)
def test_an_end_that_the_log_was_given_again_changes_only_where_the_task_stands() -> None:
    story = Story()
    story.tell(queued())
    story.tell(STARTED)
    before = story.tell(SUCCEEDED)
    assert before is not None
    restored = msgspec.structs.replace(SUCCEEDED, restored=story.at(3))
    assert story.tell(restored) == msgspec.structs.replace(before, sequence=4)
    row = story.tell(queued(fence=4))
    assert row is not None
    assert (row.state, row.fence) == ("queued", 4)


def test_an_end_that_log_and_read_model_had_lost_is_as_old_as_it_was() -> None:
    story = Story()
    story.tell(queued())
    row = story.tell(msgspec.structs.replace(SUCCEEDED, restored=story.at(2)), sequence=9)
    assert row is not None
    assert (row.state, row.finished_at, row.sequence) == ("succeeded", story.at(2), 9)


def test_an_expired_task_shows_why_and_is_no_longer_waiting_for_anything() -> None:
    story = Story()
    expiring = {"event": "queued", "attempt": 1, "fence": 0, "input": {}, "expires_at": "2031-01-01T00:00:00Z"}
    row = story.tell(read(expiring))
    assert row is not None
    assert row.expires_at == datetime(2031, 1, 1, tzinfo=UTC)
    error = {"code": "expired", "message": "not started in time"}
    row = story.tell(read({"event": "finished", "attempt": 1, "outcome": "failed", "error": error}))
    assert row is not None
    assert (row.state, row.expires_at) == ("failed", None)
    assert json.loads(row.error or "")["code"] == "expired"


@pytest.mark.invariant(2)
@given(happening=actions())
@examples(200)
def test_a_final_row_is_only_left_by_being_queued_again_with_the_position_of_its_finish(
    happening: list[Action],
) -> None:
    rows: dict[str, TaskRow] = {}
    for record in records(happening):
        subject, event = TaskSubject.parse(record.subject), decode(record.payload)
        before = copy.copy(rows.get(subject.task))
        after = fold_task(rows.get(subject.task), record, subject, event, EPOCH)
        if after is None:
            assert rows.get(subject.task) == before, "what changes nothing leaves the row as it is"
            continue
        rows[subject.task] = after
        assert (after.epoch, after.sequence) == (EPOCH, record.sequence)
        if before is not None and State(before.state).final:
            if isinstance(event, Finished) and event.restored is not None:
                note("restored")
                assert msgspec.structs.replace(after, sequence=before.sequence) == before
                continue
            note("reopened")
            assert isinstance(event, Queued | Deferred)
            assert event.fence == before.sequence
            assert (after.result, after.error, after.started_at, after.finished_at) in (
                (None, None, None, None),
                (None, after.error if isinstance(event, Deferred) else None, None, None),
            )
            assert after.created_at == before.created_at
