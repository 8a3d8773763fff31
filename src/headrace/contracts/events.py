"""The events of a task: what the log holds.

The payload of a log message is one of these Structs, as JSON. Readers select by event, kind, priority, owner and task, which
are in the message's subject; the batch is in a header, see `headrace.log.subjects`. The time of an event is the time at which
the log stored it. Readers ignore fields they do not know, so that a newer writer does not stop an older reader.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Literal, cast, get_args

import msgspec
from msgspec import Meta, Raw, Struct

from headrace.contracts.large_values import StoredValue
from headrace.contracts.payloads import decode_payload
from headrace.contracts.tasks import NULL, FailureCode, FileRole, Instant, TaskError

Attempt = Annotated[int, Meta(ge=1, le=2**31 - 1, description="Counts from 1; a retry adds one.")]
Seconds = Annotated[float, Meta(description="Seconds; microseconds are the smallest part.")]
Fence = Annotated[int, Meta(ge=0, le=2**63 - 1, description="Log sequence of this task's previous finish; 0 for none.")]


class Outcome(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Queued(Struct, frozen=True, kw_only=True, tag_field="event", tag="queued", omit_defaults=True):
    """A task may run now. The event has the whole submission, so that a worker needs nothing else.

    ``stored_input`` says where the input is when it is too large for an event; ``input`` is null then. So it is in `Deferred`.
    """

    attempt: Attempt
    fence: Fence
    input: Raw
    max_attempts: Attempt | None = None
    expires_at: Instant | None = None
    stored_input: StoredValue | None = None
    due_at: Instant | None = None
    """A worker starts the task not before this time. The broker's timers are coarse and set early, see `headrace.log.timers`."""


class Deferred(Struct, frozen=True, kw_only=True, tag_field="event", tag="deferred", omit_defaults=True):
    """A task was accepted, or failed and will be retried, and is not due yet. The broker holds the `queued` that follows."""

    attempt: Attempt
    fence: Fence
    input: Raw
    due_at: Instant
    max_attempts: Attempt | None = None
    expires_at: Instant | None = None
    error: TaskError | None = None
    stored_input: StoredValue | None = None


class Started(Struct, frozen=True, kw_only=True, tag_field="event", tag="started", omit_defaults=True):
    """A worker is about to call the handler. ``delivered`` counts how often this attempt was delivered to a worker.

    ``queued_seconds`` is how long this attempt waited: from when it was runnable, which is when the log took its `queued` event
    or when it was due, whichever is later, until this start. The wait for a retry to become due is no part of it; the time that
    a worker had the attempt that was lost since is. Older events do not have it.
    """

    attempt: Attempt
    worker: str
    delivered: int = 1
    queued_seconds: Seconds | None = None


class Progressed(Struct, frozen=True, kw_only=True, tag_field="event", tag="progressed", omit_defaults=True):
    """The handler reported how far it is."""

    attempt: Attempt
    fraction: Annotated[float, Meta(ge=0, le=1)]
    message: str | None = None


class Logged(Struct, frozen=True, kw_only=True, tag_field="event", tag="logged"):
    """The handler wrote a log line."""

    attempt: Attempt
    level: Literal["debug", "info", "warning", "error"]
    message: str


class Emitted(Struct, frozen=True, kw_only=True, tag_field="event", tag="emitted"):
    """The handler streamed output. ``chunks`` has it in order, several in one event to bound the rate."""

    attempt: Attempt
    chunks: list[Any]


class Stored(Struct, frozen=True, kw_only=True, tag_field="event", tag="stored", omit_defaults=True):
    """The task produced a file, see `headrace.contracts.tasks.StoredFile`. It is appended when the file is there as a whole.

    A file takes the place of an earlier one of the task that has its name, so that an attempt that is made again leaves no two.
    ``checksum`` is the SHA-256 of its bytes. ``role`` marks what the worker itself keeps: the lines and the chunks that the
    handler wrote, which are no results.
    """

    attempt: Attempt
    file: str
    key: str
    name: str
    size: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    media_type: str
    checksum: str
    role: FileRole | None = None


class Withdrawn(Struct, frozen=True, kw_only=True):
    """A `queued` event that was deleted from the log, so that no worker is given it, and is kept here."""

    sequence: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    at: Instant
    queued: Queued


class Finished(Struct, frozen=True, kw_only=True, tag_field="event", tag="finished", omit_defaults=True):
    """The one end of a run: ``result`` with ``succeeded``, ``error`` with ``failed``, ``by`` with ``cancelled``.

    ``worker`` is the worker that ran the task, if one did. ``withdrawn`` is the task's `queued` event, when the task ended
    without a start. ``restored`` is the time at which the run ended, when the log had lost this event and it was appended
    again from the read model. ``stored_result`` says where the result is when it is too large for an event; ``result`` is null then.

    ``queued_seconds`` and ``run_seconds`` are about the attempt that ended the run: how long it waited, as its `started` event
    says, and how long its handler ran. Neither is there when that attempt was not started, and in older events.
    """

    attempt: Attempt
    outcome: Outcome
    result: Raw = NULL
    error: TaskError | None = None
    by: str | None = None
    worker: str | None = None
    withdrawn: Withdrawn | None = None
    restored: Instant | None = None
    stored_result: StoredValue | None = None
    queued_seconds: Seconds | None = None
    run_seconds: Seconds | None = None


class Erased(Struct, frozen=True, kw_only=True):
    """An event that was erased with its task. It stays without what it was about: without input, result and error."""

    sequence: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    at: Instant
    event: Queued | Deferred | Started | Finished


class Deleted(Struct, frozen=True, kw_only=True, tag_field="event", tag="deleted", omit_defaults=True):
    """A finished task was deleted; its earlier events are erased from the log.

    The event says what a reader needs that has not seen them: ``outcome`` is how the last run ended, ``fired_at`` is when the task
    was queued, if a schedule submitted it and the log still had that, and ``erased`` has what is counted: the newest events, in
    their order, without what they were about. ``by`` is the principal that deleted the task.
    """

    attempt: Attempt
    outcome: Outcome
    by: str
    fired_at: Instant | None = None
    erased: tuple[Erased, ...] = ()


Event = Queued | Deferred | Started | Progressed | Logged | Emitted | Stored | Finished | Deleted


class EventName(StrEnum):
    """The names of events in subjects and in the `event:` line of a stream."""

    QUEUED = "queued"
    DEFERRED = "deferred"
    STARTED = "started"
    PROGRESSED = "progressed"
    LOGGED = "logged"
    EMITTED = "emitted"
    STORED = "stored"
    FINISHED = "finished"
    DELETED = "deleted"


HIGH_RATE = frozenset({EventName.PROGRESSED, EventName.LOGGED, EventName.EMITTED})
"""Events of a running task that may come many times a second: kept for a short time in the log, and not in the timeline."""

HIGH_RATE_SECONDS = 3600
"""How long the log keeps events that come at a high rate; they are for those who watch, and the result and the timeline stay."""

UNREADABLE = TaskError(
    code=FailureCode.RESULT_INVALID,
    message="The task ended, but what its worker wrote about the end is not an event that can be read.",
)
"""The error of a task whose `finished` event cannot be read."""

_TYPES: dict[str, type[Event]] = {cast("str", each.__struct_config__.tag): each for each in get_args(Event)}
_ATTEMPT = re.compile(rb'"attempt"\s*:\s*([1-9][0-9]{0,8})\b')

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """Encode an event as the payload of a log message: JSON on one line."""
    return _encoder.encode(event)


def decode(payload: bytes) -> Event:
    """Decode the payload of a log message.

    Raises:
        msgspec.MsgspecError: The payload is not an event.
    """
    return decode_payload(_decoder, payload)


def read(name: str, payload: bytes) -> Event | None:
    """Decode what stands under the subject of an event, whoever wrote it; None when it is not that event.

    A `finished` event that cannot be read ends the run all the same: as failed, with the error `UNREADABLE`. So every reader
    sees the same end, and no task stays without one.

    Args:
        name: The name of the event in the subject.
        payload: The payload of the message.
    """
    try:
        event = decode(payload)
    except msgspec.MsgspecError:
        event = None
    if event is not None and type(event) is _TYPES.get(name):
        return event
    if name != EventName.FINISHED:
        return None
    attempt = _ATTEMPT.search(payload)
    return Finished(attempt=int(attempt[1]) if attempt else 1, outcome=Outcome.FAILED, error=UNREADABLE)
