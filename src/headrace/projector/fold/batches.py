"""What events mean for a batch's row: pure, one event at a time, so that it does not matter where pages begin."""

from __future__ import annotations

from typing import assert_never

from headrace.contracts.batches import BatchCancelled, BatchCreated, BatchEvent, BatchSettled, BatchState
from headrace.contracts.events import Withdrawn
from headrace.contracts.tasks import State
from headrace.log.records import Record
from headrace.log.subjects import BatchSubject
from headrace.store.batch_rows import is_over
from headrace.store.projection import BatchRow, TaskRow

_FINAL = frozenset(state for state in State if state.final)


class Batches:
    """The batches of a page, by id, and which of them it has changed.

    Args:
        rows: Those that there are; they may be changed in place.
        epoch: The log's epoch.
    """

    def __init__(self, rows: dict[str, BatchRow], epoch: int) -> None:
        self.changed: dict[str, BatchRow] = {}
        self._rows = rows
        self._epoch = epoch

    def happened(self, record: Record, subject: BatchSubject, event: BatchEvent) -> None:
        """Something happened to a batch itself."""
        row = self._rows.get(subject.batch)
        if isinstance(event, BatchCreated):
            if row is None:
                row = _create(record, subject, event, self._epoch)
                self._rows[row.id] = self.changed[row.id] = row
            return
        if row is None or row.owner != subject.owner or self._knows(row, record.sequence):
            return  # its beginning has left the log
        match event:
            case BatchCancelled():
                if (
                    row.state == BatchState.SETTLED
                ):  # it was open (see `cancel_batch`): what opened it was withdrawn since
                    _open(row)
                if row.cancelled_at is not None:
                    return
                row.cancelled_at = record.at
            case BatchSettled():
                row.settled_sequence = record.sequence
                if is_over(row):
                    row.state = BatchState.SETTLED
                    row.settled_at = record.at
                else:  # a task was run again in between: it will settle again
                    _open(row)
            case _:
                assert_never(event)
        self._change(row, record.sequence)

    def moved(self, was: str | None, task: TaskRow, withdrawn: Withdrawn | None = None) -> None:
        """A task's row was folded: from one state, or none, to the one it now has.

        ``withdrawn``: the `queued` that its end has taken out of the log. Who comes later reads of it only now, so what it did
        to the batch is done now; who has read it in its place has done it, and finds nothing left to do.
        """
        row = self._rows.get(task.batch) if task.batch else None
        if row is None or row.owner != task.owner or self._knows(row, task.sequence):
            return
        if withdrawn is not None:
            _move(row, was, State.QUEUED)
            was = State.QUEUED
        if was != task.state:
            _move(row, was, task.state)
            self._change(row, task.sequence)

    def _knows(self, row: BatchRow, sequence: int) -> bool:
        """Whether an event is in the row already, as when the log is read again from before the checkpoint."""
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
        epoch=epoch,
        sequence=record.sequence,
    )


def _move(row: BatchRow, was: str | None, state: str) -> None:
    """One of its tasks went from one state to another."""
    if was is not None:
        _count(row, was, -1)
    _count(row, state, 1)
    if row.state == BatchState.SETTLED and not is_over(row):
        _open(row)


def _open(row: BatchRow) -> None:
    """A task of a batch that had settled is run again: what was cancelled then is wanted now."""
    row.state = BatchState.OPEN
    row.settled_at = row.cancelled_at = None


def _count(row: BatchRow, state: str, change: int) -> None:
    setattr(row, state, getattr(row, state) + change)
