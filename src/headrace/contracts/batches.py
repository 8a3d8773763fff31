"""Batches: many inputs of one kind, submitted as one, counted as one."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from headrace.contracts.tasks import KindName, MaxAttempts, Priority

INPUTS_MAX = 100_000  # of one batch
BATCH_BYTES_MAX = 512 << 20  # bytes of inputs; they wait on the disk of the API, not in its memory
NAME_CHARS_MAX = 200

NAME_PATTERN = (
    r"^[^\x00-\x1f]*$(?!\n)"  # Postgres cannot hold a NUL; Python's $ also matches before a line break at the end
)

BatchName = Annotated[str, Meta(max_length=NAME_CHARS_MAX, pattern=NAME_PATTERN, description="For people; one line.")]


class BatchState(StrEnum):
    """Whether tasks of a batch can still change by themselves."""

    OPEN = "open"
    SETTLED = "settled"


class BatchSubmission(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Many inputs of one kind; what is said holds for each of the tasks."""

    kind: KindName
    inputs: Annotated[  # too many is another error than one that cannot be read, so their number is checked by whoever reads
        list[Raw], Meta(min_length=1, extra_json_schema={"maxItems": INPUTS_MAX}, description="One task each.")
    ]
    name: BatchName | None = None
    priority: Priority = Priority.LOW
    max_attempts: MaxAttempts | None = None


class Counts(Struct, frozen=True, kw_only=True):
    """How many tasks of a batch are in each state."""

    pending: int = 0
    queued: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0

    @property
    def final(self) -> int:
        """Tasks that nothing further happens to."""
        return self.succeeded + self.failed + self.cancelled

    @property
    def open(self) -> int:
        """Tasks that are not over."""
        return self.pending + self.queued + self.running


class Batch(Struct, frozen=True, kw_only=True):
    """A batch. ``settled``: all of its ``total`` tasks are final; running some of them again opens it once more.

    ``total`` is how many were asked for. While they are being appended the counts add up to less; a batch that was cut off
    then is completed by a retry under its Idempotency-Key, or settles with fewer tasks when it is cancelled.
    """

    id: str
    kind: str
    name: str | None = None
    priority: Priority
    owner: str
    total: int
    counts: Counts
    state: BatchState
    created_at: datetime
    cancelled_at: Annotated[datetime | None, Meta(description="When its cancellation was asked for.")] = None
    settled_at: datetime | None = None
    position: Annotated[str, Meta(description="The log position this view reflects.")]


class BatchPage(Struct, frozen=True, kw_only=True):
    """One page of batches, newest first."""

    items: list[Batch]
    next_cursor: Annotated[str | None, Meta(description="Pass as `cursor` for the next page; null on the last.")]
    position: str


class BatchCreated(Struct, frozen=True, kw_only=True, tag_field="event", tag="created", omit_defaults=True):
    """The first event of a batch; its tasks follow it in the log."""

    kind: str
    total: int
    priority: Priority
    name: str | None = None


class BatchCancelled(Struct, frozen=True, kw_only=True, tag_field="event", tag="cancelled"):
    """What is not final is to be cancelled; the projector sees to it."""

    by: str


class BatchSettled(Struct, frozen=True, kw_only=True, tag_field="event", tag="settled"):
    """The last task is final."""

    counts: Counts


BatchEvent = BatchCreated | BatchCancelled | BatchSettled


class BatchEventName(StrEnum):
    """The names, as they stand in subjects; ``counted`` is only told live."""

    CREATED = "created"
    CANCELLED = "cancelled"
    SETTLED = "settled"
    COUNTED = "counted"


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[BatchEvent] = msgspec.json.Decoder(BatchEvent)


def encode(event: BatchEvent) -> bytes:
    """An event as the payload of a log message: JSON on one line."""
    return _encoder.encode(event)


def decode(payload: bytes) -> BatchEvent:
    """Read the payload of a log message.

    Raises:
        msgspec.MsgspecError: the payload is not an event of a batch.
    """
    return _decoder.decode(payload)
