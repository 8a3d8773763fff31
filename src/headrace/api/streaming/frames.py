"""Server-sent events (WHATWG HTML, section 9.2) as bytes: an event of a task, encoded once for all who follow it, and the rest."""

from __future__ import annotations

import random
from typing import Any, NamedTuple

import msgspec

from headrace.contracts.events import UNREADABLE, EventName, Finished, encode, read
from headrace.contracts.frames import Beat, Bye, ByeReason, Reset
from headrace.contracts.labels import label_entries
from headrace.contracts.payloads import decode_payload
from headrace.contracts.positions import Position
from headrace.log import clock, subjects
from headrace.log.memberships import labels_of
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.telemetry import get_logger

RETRY_MILLISECONDS = (200, 5000)  # the clients of a process that goes away come back spread over this span

NO_LABELS: frozenset[str] = frozenset()

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
        labels: The labels of the task, each as ``key=value``.
    """

    sequence: int
    event: str
    encoded: bytes
    task: str
    kind: str
    batch: str | None
    at: float
    labels: frozenset[str] = NO_LABELS


def encode_frame(record: Record, epoch: int) -> Frame | None:
    """Encode a record as a frame; None for a record that cannot be read, which is logged.

    The input is left out: it may be large, and whoever follows the task has it. The end of a task is never left out: one that
    cannot be read is shown as every reader sees it, see `headrace.contracts.events.read`.
    """
    if (opened := open_record(record)) is None:
        return None
    subject, fields = opened
    for left_out in ("input", "stored_input", "withdrawn", "erased"):
        fields.pop(left_out, None)
    batch = record.headers.get(subjects.BATCH)
    return frame_of(
        record, epoch, subject, {"task": subject.task, "kind": subject.kind, "batch": batch, "at": record.at, **fields}
    )


def open_record(record: Record) -> tuple[TaskSubject, dict[str, msgspec.Raw]] | None:
    """Return the subject of a record and the fields of its event; None for one that cannot be read, which is logged."""
    try:
        subject = TaskSubject.parse(record.subject)
        return subject, decode_payload(_decoder, _readable(subject.event, record.payload))
    except ValueError as error:
        log.error("an event cannot be read; streams leave it out", sequence=record.sequence, error=str(error))
        return None


def frame_of(record: Record, epoch: int, subject: TaskSubject, data: dict[str, Any]) -> Frame:
    """Return the frame of a record with this data."""
    encoded = b"id: %d-%d\nevent: %s\ndata: %s\n\n" % (
        epoch,
        record.sequence,
        subject.event.encode(),
        on_one_line(_encode(data)),
    )
    headers = record.headers
    labels = frozenset(label_entries(labels_of(headers))) if subjects.LABELS in headers else NO_LABELS
    batch = headers.get(subjects.BATCH)
    return Frame(
        record.sequence, subject.event, encoded, subject.task, subject.kind, batch, record.at.timestamp(), labels
    )


def on_one_line(data: bytes) -> bytes:
    """Return JSON on one line. A worker in another language may write it on several, and a line break would end the data."""
    if b"\n" in data or b"\r" in data:
        return data.replace(b"\r", b" ").replace(b"\n", b" ")
    return data


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


def beat_frame(position: Position) -> bytes:
    """Encode a sign of life, which moves the cursor of a client to a position up to which it has every event."""
    told = str(position)
    return b"id: %s\nevent: beat\ndata: %s\n\n" % (told.encode(), _encode(Beat(told, clock.now())))


def bye_frame(reason: ByeReason) -> bytes:
    """Encode why a stream ends whose client may not see it any more."""
    return b"event: bye\ndata: %s\n\n" % _encode(Bye(reason))


def hint_frame(name: str, data: Any) -> bytes:
    """Encode a hint. It has no id, so that the client's cursor stays where it is."""
    return b"event: %s\ndata: %s\n\n" % (name.encode(), on_one_line(_encode(data)))


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
