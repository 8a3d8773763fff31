from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw
from structlog.testing import capture_logs

from headrace.api.streaming.frames import Frame, encode_frame
from headrace.contracts.events import (
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
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from tests.examples import examples
from tests.unit.strategies import EVENTS, garbage, instants, texts

LINE = encode(Logged(attempt=1, level="info", message="x"))


def record(
    payload: bytes, event: EventName = EventName.LOGGED, batch: str | None = None, at: datetime | None = None
) -> Record:
    subject = str(TaskSubject(event, "echo", "normal", "u1", "t1"))
    headers = {"Headrace-Batch": batch} if batch is not None else {}
    return Record(42, subject, at or datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC), headers, payload)


def framed(record: Record, epoch: int) -> Frame:
    frame = encode_frame(record, epoch)
    assert frame is not None
    return frame


def read_frame(encoded: bytes) -> tuple[str, str, dict[str, Any]]:
    """One server-sent event, as a browser reads it (WHATWG HTML, 9.2.6)."""
    assert encoded.endswith(b"\n\n")
    lines = encoded.decode().removesuffix("\n\n").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    fields = dict(line.split(": ", 1) for line in lines)
    assert list(fields) == ["id", "event", "data"]
    return fields["id"], fields["event"], json.loads(fields["data"])


def test_a_frame_has_an_id_an_event_and_data_with_the_events_own_fields() -> None:
    event = Progressed(attempt=2, fraction=0.5, message="half")
    frame = framed(record(encode(event), EventName.PROGRESSED, batch="b1"), 1700)
    assert (frame.sequence, frame.event) == (42, "progressed")
    assert read_frame(frame.encoded) == (
        "1700-42",
        "progressed",
        {
            "task": "t1",
            "kind": "echo",
            "batch": "b1",
            "at": "2026-01-02T03:04:05.678901Z",
            "event": "progressed",
            "attempt": 2,
            "fraction": 0.5,
            "message": "half",
        },
    )


@pytest.mark.invariant(6)
@pytest.mark.parametrize("name", EventName)
@given(data=st.data())
@examples(30)
def test_every_event_makes_one_frame_that_a_browser_reads(name: EventName, data: st.DataObject) -> None:
    event: Event = data.draw(EVENTS[name])
    batch = data.draw(st.none() | texts)
    at = data.draw(instants)
    _, read_name, read = read_frame(framed(record(encode(event), name, batch, at), 1).encoded)
    assert read_name == name
    assert (read["task"], read["kind"], read["batch"]) == ("t1", "echo", batch)
    assert datetime.fromisoformat(read["at"]) == at
    own = json.loads(encode(event))
    for left_out in ("input", "stored_input", "withdrawn"):
        own.pop(left_out, None)
    assert {**read, **own} == read
    assert set(read) - set(own) == {"task", "kind", "batch", "at"}


@pytest.mark.parametrize("name", [EventName.QUEUED, EventName.DEFERRED])
def test_the_input_is_left_out(name: EventName) -> None:
    payload = encode(Queued(attempt=1, fence=0, input=Raw(b'{"text":"secret"}'))).replace(b"queued", name.encode())
    frame = framed(record(payload, name), 1)
    assert b"secret" not in frame.encoded
    assert read_frame(frame.encoded)[2]["fence"] == 0


@pytest.mark.invariant(6)
def test_a_line_break_in_a_payload_does_not_break_the_frame() -> None:
    pretty = json.dumps({"event": "logged", "attempt": 1, "level": "info", "message": "a\nb\r\nc"}, indent=2).encode()
    for payload in (pretty, pretty.replace(b"\n", b"\r\n"), pretty.replace(b"\n", b"\r")):
        assert read_frame(framed(record(payload), 1).encoded)[2]["message"] == "a\nb\r\nc"


@pytest.mark.invariant(6)
@pytest.mark.invariant(8)
def test_what_a_handler_said_cannot_pass_for_another_event() -> None:
    said = "\n\nevent: finished\ndata: {}\n\n\u2028\x85\x0b"
    for event, name in (
        (Logged(attempt=1, level="info", message=said), EventName.LOGGED),
        (Emitted(attempt=1, chunks=[said, {said: said}]), EventName.EMITTED),
        (Started(attempt=1, worker=said), EventName.STARTED),
        (
            Finished(attempt=1, outcome=Outcome.SUCCEEDED, result=Raw(json.dumps(said, ensure_ascii=False).encode())),
            EventName.FINISHED,
        ),
    ):
        assert read_frame(framed(record(encode(event), name), 1).encoded)[1] == name


@pytest.mark.parametrize("space", [" ", "\n", "\r\n  "])
def test_white_space_before_a_payload_does_not_break_a_frame(space: str) -> None:
    payload = space.encode() + LINE
    assert read_frame(framed(record(payload), 1).encoded)[2]["message"] == "x"


@pytest.mark.parametrize("payload", [b"", b"nonsense", b"[1]", b"{", b'"x"'])
def test_an_event_that_cannot_be_read_makes_no_frame_and_a_line_in_the_log(payload: bytes) -> None:
    with capture_logs() as said:
        assert encode_frame(record(payload), 1) is None
    (line,) = said
    assert (line["log_level"], line["sequence"]) == ("error", 42)


@pytest.mark.invariant(6)
@pytest.mark.parametrize("name", EventName)
@given(data=st.data())
@examples(40)
def test_whatever_stands_in_the_log_is_a_frame_that_can_be_read_or_none_and_an_end_always_is(
    name: EventName, data: st.DataObject
) -> None:
    frame = encode_frame(record(data.draw(garbage(name)), name), 1)
    if frame is None:
        assert name is not EventName.FINISHED
    else:
        _, event, fields = read_frame(frame.encoded)
        assert (event, fields["task"]) == (name, "t1")
