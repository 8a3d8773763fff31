"""Batches: many inputs of one kind, submitted and counted together."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated

import msgspec
from msgspec import Meta, Raw, Struct

from headrace.contracts.labels import Labels
from headrace.contracts.patterns import PRINTABLE_PATTERN
from headrace.contracts.payloads import decode_payload
from headrace.contracts.tasks import Input, KindName, MaxAttempts, Priority

INPUTS_MAX = 100_000  # of one batch
BATCH_BYTES_MAX = 512 << 20  # bytes of inputs; they wait on the disk of the API, not in its memory
NAME_CHARS_MAX = 200

BatchName = Annotated[
    str, Meta(max_length=NAME_CHARS_MAX, pattern=PRINTABLE_PATTERN, description="A name for people, on one line.")
]


class LineForm(StrEnum):
    """What each line of NDJSON is: an input, or an entry that has labels of its own."""

    INPUTS = "inputs"
    ENTRIES = "entries"


class BatchState(StrEnum):
    """Whether tasks of a batch can still change by themselves: ``open``, or ``settled`` when all are final."""

    OPEN = "open"
    SETTLED = "settled"


class BatchEntry(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One input of a batch, with labels of its own; where both have a label, that of the entry counts."""

    input: Input
    labels: Labels = {}


class BatchSubmission(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Many inputs of one kind: as ``inputs``, as ``entries`` that have labels, or as ``files`` with what else each input has. The other
    fields hold for each of the tasks.
    """

    kind: KindName
    # The reader checks their number, because too many inputs are another error than a body that cannot be read.
    inputs: (
        Annotated[
            list[Raw], Meta(min_length=1, extra_json_schema={"maxItems": INPUTS_MAX}, description="One task each.")
        ]
        | None
    ) = None
    entries: (
        Annotated[
            list[Raw],
            Meta(
                min_length=1,
                extra_json_schema={"maxItems": INPUTS_MAX},
                description="One task each, instead of `inputs`.",
            ),
        ]
        | None
    ) = None
    files: (
        Annotated[
            list[str],
            Meta(min_length=1, max_length=INPUTS_MAX, description="Ids of files: one task each, instead of `inputs`."),
        ]
        | None
    ) = None
    input: Annotated[Input, Meta(description="With `files`: what else each input has.")] = {}
    file_field: Annotated[
        str | None,
        Meta(description="With `files`: the field that has the file, of a kind with several such fields."),
    ] = None
    labels: Labels = {}
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
        """Count the tasks that are in a final state."""
        return self.succeeded + self.failed + self.cancelled

    @property
    def open(self) -> int:
        """Count the tasks that are not in a final state."""
        return self.pending + self.queued + self.running


class Batch(Struct, frozen=True, kw_only=True):
    """A batch. It is ``settled`` when all of its ``total`` tasks are final; running some of them again opens it once more.

    ``total`` is the number of inputs that were submitted. While they are being appended, the counts add up to less. A batch
    that is cut off then is completed by a retry with its Idempotency-Key, or settles with fewer tasks when it is cancelled.
    """

    id: str
    kind: str
    name: str | None = None
    labels: Annotated[dict[str, str], Meta(description="What the submitter calls each of its tasks by.")] = {}
    priority: Priority
    owner: str
    total: int
    counts: Counts
    state: BatchState
    created_at: datetime
    cancelled_at: Annotated[datetime | None, Meta(description="When its cancellation was requested.")] = None
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
    labels: dict[str, str] = {}


class BatchCancelled(Struct, frozen=True, kw_only=True, tag_field="event", tag="cancelled"):
    """A client cancelled the batch: the projector cancels every task that is not final."""

    by: str


class BatchSettled(Struct, frozen=True, kw_only=True, tag_field="event", tag="settled"):
    """The last task of the batch is final."""

    counts: Counts


BatchEvent = BatchCreated | BatchCancelled | BatchSettled


class BatchEventName(StrEnum):
    """The names of events in subjects and streams; ``counted`` is sent to live streams and is not in the log."""

    CREATED = "created"
    CANCELLED = "cancelled"
    SETTLED = "settled"
    COUNTED = "counted"


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[BatchEvent] = msgspec.json.Decoder(BatchEvent)


def encode(event: BatchEvent) -> bytes:
    """Encode an event as the payload of a log message: JSON on one line."""
    return _encoder.encode(event)


def decode(payload: bytes) -> BatchEvent:
    """Decode the payload of a log message.

    Raises:
        msgspec.MsgspecError: The payload is not an event of a batch.
    """
    return decode_payload(_decoder, payload)
