"""Server-sent events (WHATWG HTML, section 9.2) as bytes: an event of a task, encoded once for all who follow it, and the rest."""

from __future__ import annotations

import random
from typing import NamedTuple

import msgspec

from headrace.contracts.events import UNREADABLE, EventName, Finished, encode, read
from headrace.contracts.frames import Reset
from headrace.contracts.payloads import decode_payload
from headrace.contracts.positions import Position
from headrace.log import subjects
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.telemetry import get_logger

HEARTBEAT = b": still here\n\n"
RETRY_MILLISECONDS = (200, 5000)  # the clients of a process that goes away come back spread over this span

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode
_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])


class Frame(NamedTuple):
    """An event of a task as a server-sent event.

    Attributes:
        sequence: The position of the event in the log.
        event: The name of the event.
        encoded: The bytes to send.
        task: The id of the task.
        kind: The kind of the task.
        batch: The batch of the task, if it has one.
        at: When the log took the event, in seconds since 1970.
    """

    sequence: int
    event: str
    encoded: bytes
    task: str
    kind: str
    batch: str | None
    at: float


def encode_frame(record: Record, epoch: int) -> Frame | None:
    """Encode a record as a frame; None for a record that cannot be read, which is logged.

    The input is left out: it may be large, and whoever follows the task has it. The end of a task is never left out: one that
    cannot be read is shown as every reader sees it, see `headrace.contracts.events.read`.
    """
    try:
        subject = TaskSubject.parse(record.subject)
        fields = decode_payload(_decoder, _readable(subject.event, record.payload))
    except ValueError as error:
        log.error("an event cannot be read; streams leave it out", sequence=record.sequence, error=str(error))
        return None
    for left_out in ("input", "withdrawn", "erased"):
        fields.pop(left_out, None)
    batch = record.headers.get(subjects.BATCH)
    data = _encode({"task": subject.task, "kind": subject.kind, "batch": batch, "at": record.at, **fields})
    # A worker in another language may write pretty JSON, but a line break would end the line of the event's data.
    if b"\n" in data or b"\r" in data:
        data = data.replace(b"\r", b" ").replace(b"\n", b" ")
    encoded = b"id: %d-%d\nevent: %s\ndata: %s\n\n" % (epoch, record.sequence, subject.event.encode(), data)
    return Frame(record.sequence, subject.event, encoded, subject.task, subject.kind, batch, record.at.timestamp())


def _readable(event: str, payload: bytes) -> bytes:
    """Return a payload; for an end that cannot be read, what stands for it."""
    if event != EventName.FINISHED:
        return payload
    finished = read(event, payload)
    return encode(finished) if isinstance(finished, Finished) and finished.error is UNREADABLE else payload


def reset_frame(reason: str, position: Position) -> bytes:
    """Encode the event that tells a client to load its state again."""
    data = _encode(Reset(reason=reason, position=str(position)))
    return b"id: %s\nevent: reset\ndata: %s\n\n" % (str(position).encode(), data)


def id_frame(position: Position) -> bytes:
    """Encode a position alone. It moves the cursor of a client without an event."""
    return b"id: %s\n\n" % str(position).encode()


def retry_frame() -> bytes:
    """Encode when a client should come back."""
    return b"retry: %d\n\n" % _spread()


def problem_frame(problem: bytes, retry_after: int) -> bytes:
    """Encode why a client is given no stream now, and when it should come back.

    It has no id, so that the client's cursor stays where it is.

    Args:
        problem: The problem as JSON, on one line.
        retry_after: After how many seconds there may be a stream.
    """
    return b"retry: %d\nevent: problem\ndata: %s\n\n" % (1000 * retry_after + _spread(), problem)


def _spread() -> int:
    return random.randint(*RETRY_MILLISECONDS)  # noqa: S311 - spreads load, hides nothing
