"""What each event changes in a batch's row: one event at a time, so that it does not matter where pages begin."""

from __future__ import annotations

from typing import assert_never

from headrace.contracts.batches import BatchCancelled, BatchCreated, BatchEvent, BatchSettled, BatchState
from headrace.contracts.events import Deleted, Withdrawn
from headrace.contracts.labels import decode_labels, encode_labels, label_entries
from headrace.contracts.tasks import State
from headrace.log.records import Record
from headrace.log.subjects import BatchSubject
from headrace.store.batch_rows import is_over
from headrace.store.tables import BatchRow, TaskRow


class BatchFold:
    """The batches of a page.

    Args:
        rows: The rows of the batches that the page may change, by id. They may be changed in place.
        epoch: The log's epoch.

    Attributes:
        changed: The rows that the page has changed so far, by id.
    """

    def __init__(self, rows: dict[str, BatchRow], epoch: int) -> None:
        self.changed: dict[str, BatchRow] = {}
        self._rows = rows
        self._epoch = epoch

    def apply_event(self, record: Record, subject: BatchSubject, event: BatchEvent) -> None:
        """Apply an event of a batch itself; ignored when the batch's beginning has left the log."""
        row = self._rows.get(subject.batch)
        if isinstance(event, BatchCreated):
            if row is None:
                row = _create(record, subject, event, self._epoch)
                self._rows[row.id] = self.changed[row.id] = row
            return
        if row is None or row.owner != subject.owner or self._reflects(row, record.sequence):
            return
        match event:
            case BatchCancelled():
                if not _cancel(row, record):
                    return
            case BatchSettled():
                _settle(row, record)
            case _:
                assert_never(event)
        self._change(row, record.sequence)

    def count_task(self, state_before: str | None, task: TaskRow, withdrawn: Withdrawn | None = None) -> None:
        """Count a task that an event has changed under its new state.

        Args:
            state_before: The task's state before the event, None for a new task.
            task: Its row after the event.
            withdrawn: The `queued` event that the task's finish has taken out of the log. A projector that reads the log only
                now learns of it here, so it is counted now; in a row that counted it in its place this changes nothing.
        """
        row = self._rows.get(task.batch) if task.batch else None
        if row is None or row.owner != task.owner or self._reflects(row, task.sequence):
            return
        if withdrawn is not None:
            _move_task(row, state_before, State.QUEUED)
            state_before = State.QUEUED
        if state_before != task.state:
            _move_task(row, state_before, task.state)
            self._change(row, task.sequence)

    def count_deleted(
        self, batch: str | None, owner: str, state_before: str | None, event: Deleted, sequence: int
    ) -> None:
        """Keep a deleted task in the counts, under the outcome of its last run.

        A projector that reads the log only now has not seen its events, which were erased, and counts it here. One that has seen
        them notes the position all the same, so that both have the same row.

        Args:
            batch: The batch of the task, if it has one.
            owner: The owner of the task.
            state_before: The state in which the task is counted; None when it is not.
            event: The deletion.
            sequence: Where the log has it.
        """
        row = self._rows.get(batch) if batch else None
        if row is None or row.owner != owner or self._reflects(row, sequence):
            return
        if state_before != event.outcome:
            _move_task(row, state_before, event.outcome)
        self._change(row, sequence)

    def _reflects(self, row: BatchRow, sequence: int) -> bool:
        """Whether the row has the event already, as when the log is read again from before the checkpoint."""
        return (row.epoch, row.sequence) >= (self._epoch, sequence)

    def _change(self, row: BatchRow, sequence: int) -> None:
        row.epoch, row.sequence = self._epoch, sequence
        self.changed[row.id] = row


def _create(record: Record, subject: BatchSubject, event: BatchCreated, epoch: int) -> BatchRow:
    return BatchRow(
        id=subject.batch,
        kind=event.kind,
        priority=event.priority,
        owner=subject.owner,
        name=event.name,
        total=event.total,
        state=BatchState.OPEN,
        created_at=record.at,
        # Anybody may have written the event.
        labels=label_entries(decode_labels(encode_labels(event.labels))),
        epoch=epoch,
        sequence=record.sequence,
    )


def _cancel(row: BatchRow, record: Record) -> bool:
    """Cancel a batch; False when that changes nothing."""
    if row.state == BatchState.SETTLED:
        # The batch was open when it was cancelled (see `cancel_batch`); what had opened it was withdrawn since.
        _reopen(row)
    if row.cancelled_at is not None:
        return False
    row.cancelled_at = record.at
    return True


def _settle(row: BatchRow, record: Record) -> None:
    """Settle a batch, unless one of its tasks was run again since: then it will settle again."""
    row.settled_sequence = record.sequence
    if is_over(row):
        row.state = BatchState.SETTLED
        row.settled_at = record.at
    else:
        _reopen(row)


def _reopen(row: BatchRow) -> None:
    """Open a settled batch of which a task is run again, which takes its cancellation back."""
    row.state = BatchState.OPEN
    row.settled_at = row.cancelled_at = None


def _move_task(row: BatchRow, state_before: str | None, state: str) -> None:
    """Count one of the batch's tasks under another state."""
    if state_before is not None:
        _add(row, state_before, -1)
    _add(row, state, 1)
    if row.state == BatchState.SETTLED and not is_over(row):
        _reopen(row)


def _add(row: BatchRow, state: str, change: int) -> None:
    """Change one counter; each state has a column of its name."""
    setattr(row, state, getattr(row, state) + change)
