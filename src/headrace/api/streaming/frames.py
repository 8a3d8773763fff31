"""An event as a server-sent event, encoded once for everybody who follows it."""

from __future__ import annotations

from typing import NamedTuple

import msgspec

from headrace.log import subjects
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.telemetry import get_logger

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Frame(NamedTuple):
    """``encoded`` is ready to be sent; the rest is what filters look at. ``at``: when the log took it, in seconds since 1970."""

    sequence: int
    event: str
    encoded: bytes
    task: str
    kind: str
    batch: str | None
    at: float


def encode_frame(record: Record, epoch: int) -> Frame | None:
    """The event of a record; None for one that cannot be read, which is logged.

    The input is left out: it may be large, and whoever follows has it.
    """
    try:
        subject = TaskSubject.parse(record.subject)
        fields = _decoder.decode(record.payload)
    except (ValueError, RecursionError, msgspec.MsgspecError) as error:
        log.error("an event cannot be read; streams leave it out", sequence=record.sequence, error=str(error))
        return None
    for left_out in ("input", "withdrawn"):
        fields.pop(left_out, None)
    batch = record.headers.get(subjects.BATCH)
    data = _encode({"task": subject.task, "kind": subject.kind, "batch": batch, "at": record.at, **fields})
    if (
        b"\n" in data or b"\r" in data
    ):  # pretty JSON from a foreign worker: a line of an event's data ends at a line break
        data = data.replace(b"\r", b" ").replace(b"\n", b" ")
    encoded = b"id: %d-%d\nevent: %s\ndata: %s\n\n" % (epoch, record.sequence, subject.event.encode(), data)
    return Frame(record.sequence, subject.event, encoded, subject.task, subject.kind, batch, record.at.timestamp())
