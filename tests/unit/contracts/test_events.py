from __future__ import annotations

import json
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from headrace.contracts.events import (
    HIGH_RATE,
    Deferred,
    Event,
    EventName,
    Finished,
    Outcome,
    Queued,
    decode,
    encode,
    read,
)
from headrace.contracts.tasks import NULL, FailureCode, TaskError
from tests.examples import examples
from tests.unit.strategies import EVENTS, garbage, json_values

of_every_event = pytest.mark.parametrize("name", EventName)


def test_every_event_has_a_name_and_every_name_an_event() -> None:
    tags = {struct.__struct_config__.tag for struct in get_args(Event)}
    assert tags == set(EventName) == set(EVENTS)


@of_every_event
@given(data=st.data())
@examples(60)
def test_an_event_comes_back_as_it_was_written(name: EventName, data: st.DataObject) -> None:
    event = data.draw(EVENTS[name])
    payload = encode(event)
    assert decode(payload) == event
    assert json.loads(payload)["event"] == name
    assert b"\n" not in payload


@given(value=json_values)
@examples(100)
def test_a_result_is_any_json_value_and_is_kept_as_it_is(value: object) -> None:
    written = Raw(json.dumps(value).encode())
    found = decode(encode(Finished(attempt=1, outcome=Outcome.SUCCEEDED, result=written)))
    assert isinstance(found, Finished)
    assert bytes(found.result) == bytes(written)


@of_every_event
@given(data=st.data(), value=json_values)
@examples(30)
def test_a_field_that_a_newer_writer_added_is_ignored(name: EventName, data: st.DataObject, value: object) -> None:
    event = data.draw(EVENTS[name])
    newer = {"a_field_of_tomorrow": value, **json.loads(encode(event))}
    assert encode(decode(json.dumps(newer).encode())) == encode(decode(encode(event)))


@of_every_event
@given(data=st.data())
@examples(30)
def test_an_event_that_lacks_what_it_needs_is_refused(name: EventName, data: st.DataObject) -> None:
    fields = json.loads(encode(data.draw(EVENTS[name])))
    needed = {
        field.name for field in msgspec.structs.fields(type(decode(json.dumps(fields).encode()))) if field.required
    }
    missing = data.draw(st.sampled_from(sorted({"event", *needed})))
    del fields[missing]
    with pytest.raises(msgspec.ValidationError, match=f"missing required field `{missing}`"):
        decode(json.dumps(fields).encode())


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"null",
        b"[]",
        b"{",
        b'{"event":"invented","attempt":1}',
        b'{"event":"started","attempt":0,"worker":"w"}',
        b'{"event":"started","attempt":true,"worker":"w"}',
        b'{"event":"queued","attempt":1,"fence":-1,"input":{}}',
        b'{"event":"progressed","attempt":1,"fraction":1.5}',
        b'{"event":"finished","attempt":1,"outcome":"exploded"}',
        b'{"event":"logged","attempt":1,"level":"loud","message":""}',
    ],
)
def test_what_is_no_event_is_refused(payload: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        decode(payload)


def test_fields_at_their_default_take_no_room() -> None:
    def fields(event: Event) -> set[str]:
        return set(json.loads(encode(event)))

    assert fields(Queued(attempt=1, fence=0, input=Raw(b"{}"))) == {"event", "attempt", "fence", "input"}
    assert fields(Finished(attempt=1, outcome=Outcome.SUCCEEDED)) == {"event", "attempt", "outcome"}
    failed = Finished(
        attempt=1, outcome=Outcome.FAILED, error=TaskError(code=FailureCode.RAISED, message="no"), result=NULL
    )
    assert fields(failed) == {"event", "attempt", "outcome", "error"}


def test_a_finish_without_a_result_reads_as_null() -> None:
    found = decode(b'{"event":"finished","attempt":1,"outcome":"succeeded"}')
    assert isinstance(found, Finished)
    assert bytes(found.result) == b"null"


def test_events_of_a_high_rate_are_those_that_only_matter_while_they_happen() -> None:
    assert {EventName.PROGRESSED, EventName.LOGGED, EventName.EMITTED} == HIGH_RATE


def test_an_instant_keeps_its_offset() -> None:
    found = decode(b'{"event":"deferred","attempt":1,"fence":0,"input":{},"due_at":"2030-01-02T03:04:05+01:00"}')
    assert isinstance(found, Deferred)
    assert found.due_at.isoformat() == "2030-01-02T03:04:05+01:00"


@of_every_event
@given(data=st.data())
@examples(60)
def test_whatever_stands_under_the_subject_of_an_event_is_that_event_or_nothing(
    name: EventName, data: st.DataObject
) -> None:
    payload = data.draw(garbage(name))
    event = read(name, payload)
    if event is None:
        assert name != EventName.FINISHED, "a run has its end, whatever is written there"
    else:
        assert event.__struct_config__.tag == name
        assert decode(encode(event)) == event


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b'{"event":"finished","attempt":3,"outcome":"succeeded","result":<html>}',
        b'{"event":"finished","attempt":3,"outcome":"succeeded","result":"caf\xe9"}',
        b'{"event":"finished","attempt":3,"outcome":"odd"}',
        b'{"event":"started","attempt":3,"worker":"w"}',
    ],
)
def test_an_end_that_cannot_be_read_is_a_failure_with_a_code_and_a_sentence(payload: bytes) -> None:
    event = read(EventName.FINISHED, payload)
    assert isinstance(event, Finished)
    assert (event.outcome, event.attempt) == (Outcome.FAILED, 3 if payload else 1)
    assert event.error is not None
    assert event.error.code is FailureCode.RESULT_INVALID
    assert event.error.message.endswith(".")


@pytest.mark.parametrize(
    "written",
    [
        b'{"event":"queued","attempt":1,"fence":0,"input":{},"max_attempts":4294967296}',
        b'{"event":"queued","attempt":1,"fence":0,"input":{},"expires_at":"2026-01-01T00:00:00"}',
    ],
)
def test_an_event_that_the_read_model_could_not_hold_is_none(written: bytes) -> None:
    assert read(EventName.QUEUED, written) is None
