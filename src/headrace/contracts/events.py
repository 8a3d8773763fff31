"""The events of a task: what the log holds.

The payload of a log message is one of these, as JSON. What readers route on (event, kind, priority, owner, task) is in the
message's subject and the batch in a header, see `headrace.log.subjects`; the time of an event is the time the log took it.
Readers ignore fields they do not know, so that a newer writer does not stop an older reader.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from headrace.contracts.tasks import NULL, TaskError

Attempt = Annotated[int, Meta(ge=1, le=2**31 - 1, description="Counts from 1; a retry adds one.")]
Fence = Annotated[int, Meta(ge=0, le=2**63 - 1, description="Log sequence of this task's previous finish, 0 for none.")]


class Outcome(StrEnum):
    """How a run ended."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


class Queued(Struct, frozen=True, kw_only=True, tag_field="event", tag="queued", omit_defaults=True):
    """Runnable now. Carries the whole submission, so a worker needs nothing else."""

    attempt: Attempt
    fence: Fence
    input: Raw
    max_attempts: int | None = None
    expires_at: datetime | None = None
    due_at: datetime | None = None
    """Not to be started before: the broker's timers are coarse, so they are set early, see `headrace.log.timers`."""


class Deferred(Struct, frozen=True, kw_only=True, tag_field="event", tag="deferred", omit_defaults=True):
    """Accepted or retried, not due yet. The broker holds the `queued` that follows."""

    attempt: Attempt
    fence: Fence
    input: Raw
    due_at: datetime
    max_attempts: int | None = None
    expires_at: datetime | None = None
    error: TaskError | None = None


class Started(Struct, frozen=True, kw_only=True, tag_field="event", tag="started", omit_defaults=True):
    """A worker is about to call the handler. ``delivered`` counts how often this attempt was given to a worker."""

    attempt: Attempt
    worker: str
    delivered: int = 1


class Progressed(Struct, frozen=True, kw_only=True, tag_field="event", tag="progressed", omit_defaults=True):
    """How far the handler says it is."""

    attempt: Attempt
    fraction: Annotated[float, Meta(ge=0, le=1)]
    message: str | None = None


class Logged(Struct, frozen=True, kw_only=True, tag_field="event", tag="logged"):
    """A line the handler wrote."""

    attempt: Attempt
    level: Literal["debug", "info", "warning", "error"]
    message: str


class Emitted(Struct, frozen=True, kw_only=True, tag_field="event", tag="emitted"):
    """Streamed output. ``chunks`` are what the handler emitted, in order, merged to bound the rate."""

    attempt: Attempt
    chunks: list[Any]


class Stored(Struct, frozen=True, kw_only=True, tag_field="event", tag="stored"):
    """A file the task produced, see `headrace.contracts.tasks.StoredFile`."""

    attempt: Attempt
    key: str
    name: str
    size: int
    media_type: str
    checksum: str


class Withdrawn(Struct, frozen=True, kw_only=True):
    """A `queued` event that was taken out of the log so that no worker is given it: it goes on to exist here."""

    sequence: int
    at: datetime
    queued: Queued


class Finished(Struct, frozen=True, kw_only=True, tag_field="event", tag="finished", omit_defaults=True):
    """The one end of a run: ``result`` with ``succeeded``, ``error`` with ``failed``, ``by`` with ``cancelled``.

    ``worker`` is who ran it, when it came from a worker. ``withdrawn`` is what the task waited with, when it ended without
    a start. ``restored`` is when it ended, when the log had lost this end and was given it again from the read model.
    """

    attempt: Attempt
    outcome: Outcome
    result: Raw = NULL
    error: TaskError | None = None
    by: str | None = None
    worker: str | None = None
    withdrawn: Withdrawn | None = None
    restored: datetime | None = None


Event = Queued | Deferred | Started | Progressed | Logged | Emitted | Stored | Finished


class EventName(StrEnum):
    """The names, as they stand in subjects and in the `event:` line of a stream."""

    QUEUED = "queued"
    DEFERRED = "deferred"
    STARTED = "started"
    PROGRESSED = "progressed"
    LOGGED = "logged"
    EMITTED = "emitted"
    STORED = "stored"
    FINISHED = "finished"


HIGH_RATE = frozenset({EventName.PROGRESSED, EventName.LOGGED, EventName.EMITTED})
"""Events of a running task that may come many times a second: short-lived in the log, not in the timeline."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Event] = msgspec.json.Decoder(Event)


def encode(event: Event) -> bytes:
    """An event as the payload of a log message: JSON on one line."""
    return _encoder.encode(event)


def decode(payload: bytes) -> Event:
    """Read the payload of a log message.

    Raises:
        msgspec.MsgspecError: the payload is not an event.
    """
    try:
        return _decoder.decode(payload)
    except RecursionError as error:
        raise msgspec.ValidationError("nested too deep to be read") from error
