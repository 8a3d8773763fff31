"""What each event changes in a task's row. Replaying the log gives the same rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import msgspec
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
)
from headrace.contracts.fingerprints import fingerprint
from headrace.contracts.labels import label_entries
from headrace.contracts.tasks import FileRole, Progress, State, TaskError
from headrace.log import conditions, subjects
from headrace.log.memberships import batch_of, labels_of, schedule_of, title_with_fallback
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.projector.fold.files import NO_FILES, file_rows, only_input, with_stored, with_value
from headrace.projector.fold.timeline import timeline_entries
from headrace.store.file_table import FileRow
from headrace.store.storable import storable_instant, storable_text
from headrace.store.tables import EventRow, TaskRow
from headrace.store.tally import place_of

_encode = msgspec.json.Encoder().encode
FINAL = frozenset(state for state in State if state.final)


TaskProgress = tuple[str, int]
"""How far a task has come: its state, and its attempt. A plain tuple, because one is made for each event."""


class TaskFold:
    """The tasks of a page.

    Args:
        rows: The rows of the tasks that the page is about, by id. They may be changed in place.
        epoch: The log's epoch.

    Attributes:
        places: Where the tasks with a row were counted before the page, by id.
        changed: The rows that the page has changed so far, by id.
        timeline: The entries that the page has added to the timeline so far.
        deleted: The ids of the tasks that the page has deleted so far.
    """

    def __init__(self, rows: dict[str, TaskRow], epoch: int) -> None:
        # Rows are changed in place, so this is noted before.
        self.places = {task: place_of(row) for task, row in rows.items()}
        self._files = {task: row.files for task, row in rows.items()}
        self.changed: dict[str, TaskRow] = {}
        self.timeline: list[EventRow] = []
        self.deleted: set[str] = set()
        self._rows = rows
        self._epoch = epoch

    def file_rows(self) -> dict[str, list[FileRow]]:
        """Return the rows of the files of each task whose files have changed, by the id of the task."""
        changed = (row for row in self.changed.values() if row.files != self._files.get(row.id, NO_FILES))
        return {row.id: file_rows(row) for row in changed}

    def progress_of(self, task: str) -> TaskProgress | None:
        """Return how far a task has come so far; None for a task without a row."""
        row = self._rows.get(task)
        return (row.state, row.attempt) if row is not None else None

    def apply_event(self, record: Record, subject: TaskSubject, event: Event) -> TaskRow | None:
        """Apply one event of a task; returns its row, or None when the event changes nothing in it."""
        row = fold_task(self._rows.get(subject.task), record, subject, event, self._epoch)
        if row is not None:
            self._rows[subject.task] = self.changed[subject.task] = row
        self.timeline.extend(timeline_entries(record, subject, event, self._epoch))
        return row

    def delete(self, subject: TaskSubject) -> str | None:
        """Delete a task with its timeline; returns the state that it was in, None for a task without a row."""
        row = self._rows.pop(subject.task, None)
        self.changed.pop(subject.task, None)
        self.timeline = [entry for entry in self.timeline if entry.task != subject.task]
        self.deleted.add(subject.task)
        return row.state if row is not None else None


def fold_task(row: TaskRow | None, record: Record, subject: TaskSubject, event: Event, epoch: int) -> TaskRow | None:
    """Apply one event to the row of its task.

    Args:
        row: The row before the event, None when there is none. It may be changed in place.
        record: The event's record.
        subject: The record's subject, decoded.
        event: The record's payload, decoded.
        epoch: The log's epoch.

    Returns:
        The row to write, or None when the event changes nothing: it comes late, about a run that is over, or the beginning of
        its task has left the log.
    """
    if isinstance(event, Deleted):
        return None
    if isinstance(event, Finished) and event.withdrawn is not None:
        row = _apply_withdrawn(row, record, subject, event.withdrawn, epoch)
    if isinstance(event, Queued | Deferred):
        changed = _begin_run(row, record, subject, event, epoch)
    elif row is None:
        changed = None
    elif row.state in FINAL:
        # The read model still had the finish that the log had lost; only its position is new.
        changed = row if isinstance(event, Finished) and event.restored is not None else None
    else:
        changed = row if _continue_run(row, record, event) else None
    if changed is not None:
        changed.epoch, changed.sequence = epoch, record.sequence
    return changed


def _apply_withdrawn(
    row: TaskRow | None, record: Record, subject: TaskSubject, withdrawn: Withdrawn, epoch: int
) -> TaskRow | None:
    """Apply the `queued` event that a finish has taken out of the log, unless the row reflects it already."""
    if row is not None and (row.epoch, row.sequence) >= (epoch, withdrawn.sequence):
        if row.state not in FINAL:
            # The row may reflect only a start after the `queued` event; a row folded from the whole log has this time.
            row.queued_at = storable_instant(withdrawn.at)
        return row
    at = storable_instant(withdrawn.at)
    queued = Record(withdrawn.sequence, subject.of(EventName.QUEUED), at, record.headers, b"")
    return _begin_run(row, queued, subject, withdrawn.queued, epoch) or row


def _begin_run(
    row: TaskRow | None, record: Record, subject: TaskSubject, event: Queued | Deferred, epoch: int
) -> TaskRow | None:
    """Begin a task, an attempt, or a new run of a task that is final; None for the late timer of an earlier run."""
    # An idempotency key that the log has forgotten may begin a task once more, under the id of one that is final.
    if row is None or (row.state in FINAL and conditions.expects_new_task(record.headers, subject.owner, subject.task)):
        row = _new_row(record, subject, event)
    elif row.state not in FINAL:
        if row.epoch == epoch and event.fence != row.fence:
            return None
        if isinstance(event, Deferred) and row.epoch == epoch and _has_left_wait(row, event):
            _set_error(row, event.error)
            return row
    else:
        if event.fence != row.sequence:
            return None
        row.result = row.progress = row.started_at = row.finished_at = row.wait_seconds = row.run_seconds = None
        _set_error(row, None)
        row.files = only_input(row.files)
    row.attempt = event.attempt
    row.fence = event.fence
    row.max_attempts = event.max_attempts
    row.expires_at = None if event.expires_at is None else storable_instant(event.expires_at)
    row.due_at = None if event.due_at is None else storable_instant(event.due_at)
    if isinstance(event, Deferred):
        row.state = State.PENDING
        if event.error is not None:
            _set_error(row, event.error)
    else:
        row.state = State.QUEUED
        row.queued_at = record.at
    return row


def _has_left_wait(row: TaskRow, event: Deferred) -> bool:
    """Whether the attempt was queued already. A large `deferred` event may arrive after its timer has fired."""
    return row.state in (State.QUEUED, State.RUNNING) and row.attempt == event.attempt


def _new_row(record: Record, subject: TaskSubject, event: Queued | Deferred) -> TaskRow:
    return TaskRow(
        id=subject.task,
        kind=subject.kind,
        priority=subject.priority,
        owner=subject.owner,
        title=title_with_fallback(record.headers, event.input, subject.task),
        labels=label_entries(labels_of(record.headers)),
        batch=batch_of(record.headers),
        schedule=schedule_of(record.headers),
        state=State.QUEUED,
        attempt=event.attempt,
        max_attempts=event.max_attempts,
        input=_to_text(event.input),
        result=None,
        error=None,
        code=None,
        fingerprint=None,
        progress=None,
        files=with_value(NO_FILES, event.stored_input, FileRole.INPUT, record.at),
        due_at=None,
        expires_at=None,
        queued_at=None,
        fence=event.fence,
        headers=_to_json(_carried(record.headers)),
        created_at=record.at,
        started_at=None,
        finished_at=None,
        wait_seconds=None,
        run_seconds=None,
        epoch=0,
        sequence=0,
    )


def _carried(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that each event of a task carries. Those of a foreign writer may have bytes that are no text."""
    return {name: storable_text(headers[name]) for name in subjects.CARRIED if name in headers}


def _continue_run(
    row: TaskRow, record: Record, event: Started | Progressed | Logged | Emitted | Stored | Finished
) -> bool:
    """Change the row of a task that is not final; False when the event says nothing that a row shows."""
    match event:
        case Started():
            row.state = State.RUNNING
            row.attempt = event.attempt
            row.due_at = row.expires_at = None
            row.started_at = record.at
            row.wait_seconds = _seconds(event.queued_seconds)
            row.progress = None
        case Progressed():
            row.progress = _to_json(Progress(fraction=event.fraction, message=event.message))
        case Stored():
            row.files = with_stored(row.files, event, record.at)
        case Finished():
            _finish(row, record, event)
        case Logged() | Emitted():
            return False
        case _:
            assert_never(event)
    return True


def _finish(row: TaskRow, record: Record, event: Finished) -> None:
    row.state = State(event.outcome)
    row.result = _to_text(event.result) if event.outcome is Outcome.SUCCEEDED else None
    _set_error(row, event.error)
    row.finished_at = record.at if event.restored is None else storable_instant(event.restored)
    row.due_at = row.expires_at = None
    row.wait_seconds = row.wait_seconds if event.queued_seconds is None else _seconds(event.queued_seconds)
    row.run_seconds = _seconds(event.run_seconds)
    if event.withdrawn is not None:
        # A start that came too late counts for nothing; a replay would not know it.
        row.started_at, row.wait_seconds, row.files = None, None, only_input(row.files)
    row.files = with_value(row.files, event.stored_result, FileRole.RESULT, row.finished_at)
    # Progress ages out of the log long before the finish does; a replay would not know it.
    row.progress = None


def _seconds(written: float | None) -> float | None:
    """Return a duration as it is stored: none is below zero, whatever the clocks of its writer said."""
    return written if written is None or written >= 0 else 0.0


def _set_error(row: TaskRow, error: TaskError | None) -> None:
    if error is None:
        row.error = row.code = row.fingerprint = None
    else:
        row.error, row.code = _to_json(error), error.code
        row.fingerprint = fingerprint(row.kind, error.code, error.message)


def _to_json(value: object) -> str:
    return _encode(value).decode()


def _to_text(raw: Raw) -> str:
    return bytes(raw).decode()
