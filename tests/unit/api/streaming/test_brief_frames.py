"""Brief frames: small, complete enough to draw a row, and the same events in the same order as full ones."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from headrace.api.streaming.brief_frames import LEFT_OUT, encode_brief, encode_brief_with_owner, fields_left_out
from headrace.api.streaming.forms import BRIEF, BRIEF_WITH_OWNER, FULL, FrameForm, form_of
from headrace.contracts.events import (
    Deferred,
    Emitted,
    Event,
    EventName,
    Finished,
    Logged,
    Outcome,
    Progressed,
    Queued,
    Started,
    encode,
)
from headrace.contracts.frames import Form
from headrace.contracts.labels import encode_labels
from headrace.contracts.tasks import FailureCode, Priority, TaskError
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.printable import printable_lines
from tests.examples import examples
from tests.unit.strategies import EVENTS

FINISHED_BYTES_MAX = 350  # with a title of 40 characters, in a batch; a page may follow thousands of tasks
ID = "0198c0de-0000-7000-8000-00000000000"
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
HEADERS = {
    "Headrace-Batch": f"{ID}1",
    "Headrace-Schedule": f"{ID}2",
    "Headrace-Title": "Essay 4711: The history of the Roman roads",
    "Headrace-Labels": encode_labels({"customer": "42"}),
}


def record(event: Event, headers: dict[str, str] = HEADERS) -> Record:
    name = str(event.__struct_config__.tag)
    return Record(1_234_567, str(TaskSubject(name, "grade_essay", "high", f"{ID}3", ID)), AT, headers, encode(event))


def data_of(event: Event, headers: dict[str, str] = HEADERS) -> dict[str, Any]:
    frame = encode_brief(record(event, headers), 1700)
    assert frame is not None
    return json.loads(frame.encoded.partition(b"\ndata: ")[2])


def finished(**given: Any) -> Finished:
    return Finished(
        attempt=1, outcome=Outcome.SUCCEEDED, worker="worker-7f9c6d", queued_seconds=0.01, run_seconds=1.25, **given
    )


@pytest.mark.parametrize("form", [BRIEF, BRIEF_WITH_OWNER], ids=["of an owner", "of everybody"])
@pytest.mark.parametrize("priority", Priority)
def test_a_brief_end_of_a_run_is_small_however_large_the_result_is(form: FrameForm, priority: Priority) -> None:
    event = Finished(
        attempt=1,
        outcome=Outcome.SUCCEEDED,
        result=Raw(json.dumps("x" * 400_000).encode()),
        worker="worker-7f9c6d",
        queued_seconds=12.345678,
        run_seconds=123.456789,
    )
    headers = {"Headrace-Title": "Essay 4711: The history of the Roman roa", "Headrace-Batch": f"{ID}1"}
    assert len(headers["Headrace-Title"]) == 40
    subject = str(TaskSubject(EventName.FINISHED, "text_feedback", priority, f"{ID}3", ID))
    # An epoch is the time in milliseconds, and a hundred million events are many months.
    frame = form.encode(Record(100_000_000, subject, AT, headers, encode(event)), 1_767_322_983_000)
    assert frame is not None
    assert len(frame.encoded) <= FINISHED_BYTES_MAX, frame.encoded


def test_a_brief_frame_has_what_a_row_needs_that_only_subject_and_headers_have() -> None:
    data = data_of(finished(result=Raw(b"1")))
    assert data == {
        "task": ID,
        "kind": "grade_essay",
        "batch": HEADERS["Headrace-Batch"],
        "at": "2026-01-02T03:04:05.678901Z",
        "event": "finished",
        "outcome": "succeeded",
        "title": HEADERS["Headrace-Title"],
        "schedule": HEADERS["Headrace-Schedule"],
        "labels": {"customer": "42"},
    }


@pytest.mark.invariant(8)
def test_only_a_frame_for_administrators_names_the_owner() -> None:
    frame = encode_brief_with_owner(record(finished()), 1700)
    assert frame is not None
    assert json.loads(frame.encoded.partition(b"\ndata: ")[2]) == {**data_of(finished()), "owner": f"{ID}3"}
    assert "owner" not in data_of(finished())


def test_a_brief_failure_has_code_and_message_and_no_traceback() -> None:
    error = TaskError(code=FailureCode.RAISED, message="no such file", traceback="secret\n" * 1000)
    for event in (
        Finished(attempt=1, outcome=Outcome.FAILED, error=error),
        Deferred(attempt=2, fence=0, input=Raw(b"{}"), due_at=AT, error=error),
    ):
        assert data_of(event)["error"] == {"code": "raised", "message": "no such file"}


@pytest.mark.parametrize(
    ("message", "shown"),
    [
        ("no such file", "no such file"),
        ('Datei fehlt: "Größe"\n\tnach', 'Datei fehlt: "Größe"\n\tnach'),
        ("a\0b \u202eexe \x1b[2J", r"a\x00b \u202eexe \x1b[2J"),
        ("\u061c", r"\u061c"),
    ],
)
def test_a_message_of_a_handler_is_written_as_rows_of_screens_have_it(message: str, shown: str) -> None:
    error = TaskError(code=FailureCode.RAISED, message=message)
    assert data_of(Finished(attempt=1, outcome=Outcome.FAILED, error=error))["error"]["message"] == shown
    assert data_of(Progressed(attempt=1, fraction=0.5, message=message))["message"] == shown


def test_a_task_without_a_title_in_its_headers_is_called_by_its_input_and_later_events_say_none() -> None:
    queued = Queued(attempt=1, fence=0, input=Raw(b'{"pages":3,"text":"On roads"}'))
    assert data_of(queued, {})["title"] == "On roads"
    assert "input" not in data_of(queued, {})
    assert data_of(Queued(attempt=1, fence=0, input=Raw(b"{}")), {})["title"] == ID[-12:]
    assert not {"batch", "title", "schedule", "labels"} & data_of(finished(), {}).keys()


def test_every_event_but_the_end_says_the_priority_and_the_attempt_unless_it_is_the_first() -> None:
    for attempt in (1, 2, 11):
        data = data_of(Started(attempt=attempt, worker="w"))
        assert (data["priority"], data.get("attempt", 1)) == ("high", attempt)
        assert data_of(Finished(attempt=attempt, outcome=Outcome.CANCELLED)).get("attempt", 1) == attempt
    assert "attempt" not in data_of(Started(attempt=1, worker="w"))


def test_labels_are_entries_to_filter_by_in_every_form() -> None:
    for form in (FULL, BRIEF, BRIEF_WITH_OWNER):
        frame = form.encode(record(finished()), 1700)
        assert frame is not None
        assert frame.labels == {"customer=42"}


def test_a_brief_stream_leaves_out_what_was_streamed() -> None:
    for event in (Logged(attempt=1, level="info", message="x"), Emitted(attempt=1, chunks=[1])):
        assert not BRIEF.has(record(event))
        assert FULL.has(record(event))
    assert BRIEF.has(record(finished()))
    assert (form_of(Form.FULL), form_of(Form.BRIEF)) == (FULL, BRIEF)
    assert form_of(Form.BRIEF, names_owner=True) == BRIEF_WITH_OWNER


@pytest.mark.invariant(6)
@pytest.mark.parametrize("name", sorted(set(EventName) - LEFT_OUT))
@given(data=st.data())
@examples(30)
def test_a_brief_frame_stands_for_the_same_event_as_the_full_one_and_says_nothing_else(
    name: EventName, data: st.DataObject
) -> None:
    event: Event = data.draw(EVENTS[name])
    full, brief = FULL.encode(record(event), 1), BRIEF.encode(record(event), 1)
    assert full is not None
    assert brief is not None
    assert brief._replace(encoded=b"") == full._replace(encoded=b"")
    head, _, sent = brief.encoded.partition(b"\ndata: ")
    assert head == full.encoded.partition(b"\ndata: ")[0]
    shown, kept = json.loads(full.encoded.partition(b"\ndata: ")[2]), json.loads(sent)
    for added in ("priority", "title", "schedule", "labels"):
        kept.pop(added, None)
    kept = {"attempt": 1, "batch": None} | kept
    assert kept.keys() <= shown.keys()
    assert shown.keys() - kept.keys() <= fields_left_out(name)
    if shown.get("message") is not None:
        shown["message"] = printable_lines(shown["message"])
    assert all(kept[each] == shown[each] for each in kept if each != "error")
