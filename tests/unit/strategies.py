"""Hypothesis strategies: every event, and the values that events have."""

from __future__ import annotations

import json
from datetime import UTC
from functools import cache
from typing import Any

from hypothesis import strategies as st
from msgspec import Raw

from headrace.contracts.events import (
    Deferred,
    Deleted,
    Emitted,
    Event,
    EventName,
    Finished,
    Logged,
    Outcome,
    Progressed,
    Queued,
    Started,
    Stored,
    Withdrawn,
    encode,
)
from headrace.contracts.large_values import StoredValue
from headrace.contracts.tasks import FailureCode, FileRole, TaskError

texts = st.text(st.characters(codec="utf-8"), max_size=20)
integers = st.integers(-(2**63), 2**64 - 1)  # what every JSON reader of ours keeps exact
numbers = st.floats(allow_nan=False, allow_infinity=False)
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | integers | numbers | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)


def _raw(value: Any) -> Raw:
    return Raw(json.dumps(value).encode())


objects = st.dictionaries(texts, json_values, max_size=3).map(_raw)
instants = st.datetimes(timezones=st.just(UTC))
attempts = st.integers(1, 100)
fences = st.integers(0, 2**63 - 1)
errors = st.builds(TaskError, code=st.sampled_from(FailureCode), message=texts, traceback=st.none() | texts)
levels = st.sampled_from(["debug", "info", "warning", "error"])

stored_values = st.builds(
    StoredValue,
    file=texts,
    key=texts,
    size=st.integers(0, 2**40),
    sha256=st.sampled_from(["0" * 64, "0123456789abcdef" * 4]),
)
queued = st.builds(
    Queued,
    attempt=attempts,
    fence=fences,
    input=objects,
    max_attempts=st.none() | attempts,
    expires_at=st.none() | instants,
    due_at=st.none() | instants,
    stored_input=st.none() | stored_values,
)
deferred = st.builds(
    Deferred,
    attempt=attempts,
    fence=fences,
    input=objects,
    due_at=instants,
    max_attempts=st.none() | attempts,
    expires_at=st.none() | instants,
    error=st.none() | errors,
    stored_input=st.none() | stored_values,
)
started = st.builds(Started, attempt=attempts, worker=texts)
progressed = st.builds(Progressed, attempt=attempts, fraction=st.floats(0, 1), message=st.none() | texts)
logged = st.builds(Logged, attempt=attempts, level=levels, message=texts)
emitted = st.builds(Emitted, attempt=attempts, chunks=st.lists(json_values, max_size=4))
stored = st.builds(
    Stored,
    attempt=attempts,
    file=texts,
    key=texts,
    name=texts,
    size=st.integers(0, 2**40),
    media_type=texts,
    checksum=texts,
    role=st.none() | st.sampled_from(FileRole),
)
finished = st.builds(
    Finished,
    attempt=attempts,
    outcome=st.sampled_from(Outcome),
    result=json_values.map(_raw),
    error=st.none() | errors,
    by=st.none() | texts,
    worker=st.none() | texts,
    withdrawn=st.none() | st.builds(Withdrawn, sequence=fences, at=instants, queued=queued),
    restored=st.none() | instants,
    stored_result=st.none() | stored_values,
)
deleted = st.builds(
    Deleted, attempt=attempts, outcome=st.sampled_from(Outcome), by=texts, fired_at=st.none() | instants
)

EVENTS: dict[EventName, st.SearchStrategy[Event]] = {
    EventName.QUEUED: queued,
    EventName.DEFERRED: deferred,
    EventName.STARTED: started,
    EventName.PROGRESSED: progressed,
    EventName.LOGGED: logged,
    EventName.EMITTED: emitted,
    EventName.STORED: stored,
    EventName.FINISHED: finished,
    EventName.DELETED: deleted,
}


def _altered(name: EventName) -> st.SearchStrategy[bytes]:
    """An event of which one field is something else."""

    def alter(event: Event, value: Any, data: int) -> bytes:
        fields = json.loads(encode(event))
        fields[sorted(fields)[data % len(fields)]] = value
        return json.dumps(fields).encode()

    return st.builds(alter, EVENTS[name], json_values, st.integers(0, 20))


@cache
def garbage(name: EventName) -> st.SearchStrategy[bytes]:
    """What anybody may have put under the subject of an event: bytes, JSON, other events, and parts and variants of its own."""
    whole = st.sampled_from(EventName).flatmap(EVENTS.__getitem__).map(encode)
    return st.one_of(
        st.binary(max_size=40),
        json_values.map(lambda value: json.dumps(value).encode()),
        whole,
        whole.flatmap(lambda payload: st.integers(0, len(payload)).map(lambda end: payload[:end])),
        _altered(name),
        EVENTS[name].map(encode).map(lambda payload: payload.replace(b":", b':"\xff",', 1)),
        st.just(b"[" * 5000),
    )
