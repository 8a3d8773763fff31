"""What each event means for a task's row: a pure function, so that replaying the log gives the same rows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import assert_never

import msgspec
from msgspec import Raw

from headrace.contracts.events import (
    HIGH_RATE,
    Deferred,
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
)
from headrace.contracts.tasks import Progress, State, StoredFile
from headrace.log import conditions, subjects
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.store.projection import EventRow, TaskRow

_encode = msgspec.json.Encoder().encode
_FINAL = frozenset(state for state in State if state.final)


def fold(row: TaskRow | None, record: Record, subject: TaskSubject, event: Event, epoch: int) -> TaskRow | None:
    """The row after an event.

    Args:
        row: The row before it, None when there is none. It may be changed in place.
        record: The event's record.
        subject: Its subject, read.
        event: Its payload, read.
        epoch: The log's epoch.

    Returns:
        The row to write, or None when the event changes nothing: nobody waits for it (a late word about a run that is
        over), or there is no row for it (the task's beginning has left the log).
    """
    if isinstance(event, Finished) and event.withdrawn is not None:
        row = _bring_back(row, record, subject, event.withdrawn, epoch)
    if isinstance(event, Queued | Deferred):
        row = _begin(row, record, subject, event, epoch)
    elif row is None:
        return None
    elif isinstance(event, Finished) and event.restored is not None and row.state in _FINAL:
        pass  # the read model knew; only where it stands is new
    elif row.state in _FINAL or not _go_on(row, record, event):
        return None
    if row is not None:
        row.epoch, row.sequence = epoch, record.sequence
    return row


def timeline_entries(record: Record, subject: TaskSubject, event: Event, epoch: int) -> Iterator[EventRow]:
    """The event's line in the timeline; none for what is only of use while it happens, two for what was withdrawn."""
    if isinstance(event, Finished) and event.withdrawn is not None:
        withdrawn = event.withdrawn
        yield _entry(epoch, withdrawn.sequence, withdrawn.at, subject.task, EventName.QUEUED, withdrawn.queued)
    if subject.event not in HIGH_RATE and not (isinstance(event, Finished) and event.restored is not None):
        yield _entry(epoch, record.sequence, record.at, subject.task, subject.event, event)


def _entry(epoch: int, sequence: int, at: datetime, task: str, name: str, event: Event) -> EventRow:
    fields = msgspec.structs.asdict(event)
    for left_out in ("attempt", "input", "result", "withdrawn", "restored"):
        fields.pop(left_out, None)
    return EventRow(
        epoch=epoch, sequence=sequence, task=task, event=name, at=at, attempt=event.attempt, data=_json(fields)
    )


def _new(record: Record, subject: TaskSubject, event: Queued | Deferred) -> TaskRow:
    return TaskRow(
        id=subject.task,
        kind=subject.kind,
        priority=subject.priority,
        owner=subject.owner,
        batch=record.headers.get(subjects.BATCH),
        state=State.QUEUED,
        attempt=event.attempt,
        max_attempts=event.max_attempts,
        input=_text(event.input),
        result=None,
        error=None,
        progress=None,
        files="[]",
        due_at=None,
        expires_at=None,
        queued_at=None,
        fence=event.fence,
        headers=_json({name: record.headers[name] for name in subjects.CARRIED if name in record.headers}),
        created_at=record.at,
        started_at=None,
        finished_at=None,
        epoch=0,
        sequence=0,
    )


def _says_it_is_new(record: Record, subject: TaskSubject) -> bool:
    """Whether an event was appended on condition that the log has nothing of its task: an old key, used once more."""
    return conditions.expects_new_task(record.headers, subject.owner, subject.task)


def _bring_back(
    row: TaskRow | None, record: Record, subject: TaskSubject, withdrawn: Withdrawn, epoch: int
) -> TaskRow | None:
    """The row with what was taken out of the log, for a reader that comes after that."""
    if row is not None and (row.epoch, row.sequence) >= (epoch, withdrawn.sequence):
        if row.state not in _FINAL:
            row.queued_at = withdrawn.at  # a start came between, which a replay knows without knowing this
        return row
    queued = Record(withdrawn.sequence, subject.of(EventName.QUEUED), withdrawn.at, record.headers, b"")
    return _begin(row, queued, subject, withdrawn.queued, epoch) or row


def _begin(
    row: TaskRow | None, record: Record, subject: TaskSubject, event: Queued | Deferred, epoch: int
) -> TaskRow | None:
    if row is None or (row.state in _FINAL and _says_it_is_new(record, subject)):
        row = _new(record, subject, event)
    elif row.state not in _FINAL:
        if row.epoch == epoch and event.fence != row.fence:
            return None  # a timer of a run before
    else:
        if event.fence != row.sequence:
            return None  # a timer of the run that is over
        row.result = row.error = row.progress = row.started_at = row.finished_at = None
        row.files = "[]"
    row.attempt = event.attempt
    row.fence = event.fence
    row.max_attempts = event.max_attempts
    row.expires_at = event.expires_at
    if isinstance(event, Deferred):
        row.state = State.PENDING
        row.due_at = event.due_at
        if event.error is not None:
            row.error = _json(event.error)
    else:
        row.state = State.QUEUED
        row.due_at = event.due_at
        row.queued_at = record.at
    return row


def _go_on(row: TaskRow, record: Record, event: Started | Progressed | Logged | Emitted | Stored | Finished) -> bool:
    """Change the row of a task that is not over; False when the event says nothing that a row shows."""
    match event:
        case Started():
            row.state = State.RUNNING
            row.attempt = event.attempt
            row.due_at = row.expires_at = None
            row.started_at = record.at
            row.progress = None
        case Progressed():
            row.progress = _json(Progress(fraction=event.fraction, message=event.message))
        case Stored():
            stored = StoredFile(
                key=event.key,
                name=event.name,
                size=event.size,
                media_type=event.media_type,
                checksum=event.checksum,
            )
            row.files = _json([*msgspec.json.decode(row.files), stored])
        case Finished():
            row.state = State(event.outcome)
            row.result = _text(event.result) if event.outcome is Outcome.SUCCEEDED else None
            row.error = None if event.error is None else _json(event.error)
            row.finished_at = event.restored or record.at
            row.due_at = row.expires_at = None
            if event.withdrawn is not None:
                row.started_at, row.files = None, "[]"  # of a start that came too late; a replay would not know it
            row.progress = None  # it ages out of the log long before the finish does; a replay would not know it
        case Logged() | Emitted():
            return False
        case _:
            assert_never(event)
    return True


def _json(value: object) -> str:
    return _encode(value).decode()


def _text(raw: Raw) -> str:
    return bytes(raw).decode()
