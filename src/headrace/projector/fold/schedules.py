"""What each event changes in a schedule's row."""

from __future__ import annotations

from datetime import datetime
from typing import assert_never

from headrace.contracts.events import Deleted, Event, Finished, Queued
from headrace.contracts.schedules import (
    ScheduleDeleted,
    ScheduleEvent,
    ScheduleFired,
    ScheduleSaved,
    encode_definition,
)
from headrace.cron import first
from headrace.log import subjects
from headrace.log.memberships import schedule_of
from headrace.log.records import Record
from headrace.log.subjects import ScheduleSubject, TaskSubject
from headrace.store.storable import storable_instant
from headrace.store.tables import ScheduleRow


class ScheduleFold:
    """The schedules of a page.

    Args:
        rows: The rows of the schedules that the page may change, by id. They may be changed in place.
        epoch: The log's epoch.

    Attributes:
        changed: The rows that the page has changed so far, by id.
        deleted: The ids of the schedules that the page has deleted so far.
    """

    def __init__(self, rows: dict[str, ScheduleRow], epoch: int) -> None:
        self.changed: dict[str, ScheduleRow] = {}
        self.deleted: set[str] = set()
        self._rows = rows
        self._epoch = epoch

    def apply_event(self, record: Record, subject: ScheduleSubject, event: ScheduleEvent) -> None:
        """Apply an event of a schedule itself."""
        row = self._rows.get(subject.schedule)
        if row is not None and (row.owner != subject.owner or self._reflects(row, record)):
            return
        match event:
            case ScheduleSaved():
                self._change(_save(row, record, subject, event), record)
            case ScheduleDeleted():
                if row is not None:
                    self._delete(row)
            case ScheduleFired():
                if row is not None and (announced_at := _announced(event, record)) is not None:
                    row.announced_at = storable_instant(announced_at)
                    self._change(row, record)
            case _:
                assert_never(event)

    def apply_task_event(self, record: Record, subject: TaskSubject, event: Event) -> None:
        """Note a task as the last one of the schedule that submitted it, when the event is the task's beginning.

        When a task was cancelled while it waited, its `queued` event was withdrawn; the `finished` event has a copy. When it was
        deleted, its events were erased; the `deleted` event has the time.
        """
        schedule = schedule_of(record.headers)
        row = self._rows.get(schedule) if schedule else None
        if row is None or row.owner != subject.owner or self._reflects(row, record):
            return
        if isinstance(event, Deleted):
            self._note_firing(row, record, subject, event.fired_at)
            return
        at, queued = record.at, event
        if isinstance(event, Finished) and event.withdrawn is not None:
            at, queued = event.withdrawn.at, event.withdrawn.queued
        # Only a first attempt of a first run (attempt 1, fence 0) is a firing.
        if not isinstance(queued, Queued) or queued.attempt != 1 or queued.fence != 0:
            return
        self._note_firing(row, record, subject, at)

    def _note_firing(self, row: ScheduleRow, record: Record, subject: TaskSubject, at: datetime | None) -> None:
        """Note a task as the last one that the schedule submitted, unless it has submitted a later one."""
        if at is not None and (row.last_at is None or at >= row.last_at):
            row.last_at, row.last_task = storable_instant(at), subject.task
            self._change(row, record)

    def _reflects(self, row: ScheduleRow, record: Record) -> bool:
        """Whether the row has the event already, as when the log is read again from before the checkpoint."""
        return (row.epoch, row.sequence) >= (self._epoch, record.sequence)

    def _change(self, row: ScheduleRow, record: Record) -> None:
        row.epoch, row.sequence = self._epoch, record.sequence
        self._rows[row.id] = self.changed[row.id] = row
        self.deleted.discard(row.id)

    def _delete(self, row: ScheduleRow) -> None:
        del self._rows[row.id]
        self.changed.pop(row.id, None)
        self.deleted.add(row.id)


def _announced(event: ScheduleFired, record: Record) -> datetime | None:
    """Return a time at which the schedule fires: that of this firing, or the next, which the broker names for older timers."""
    next_at = record.headers.get(subjects.SCHEDULE_NEXT)
    return event.due_at or (None if next_at is None else datetime.fromisoformat(next_at))


def _save(row: ScheduleRow | None, record: Record, subject: ScheduleSubject, event: ScheduleSaved) -> ScheduleRow:
    """Return the row of a schedule that was made or changed.

    Raises:
        ValueError: The definition does not say when to fire. No API of ours has written it.
    """
    definition = event.definition
    if definition.cron is None and definition.every is None:
        raise ValueError("the schedule has neither cron nor every")
    # This is computed also where the event has the time: a definition without a calendar is refused here, not in each list.
    computed = first(definition, record.at)
    announced_at = event.next_at or computed
    announced_at = None if announced_at is None else storable_instant(announced_at)
    created_at = storable_instant(event.created_at or record.at)
    updated_at = storable_instant(event.updated_at or record.at)
    if row is None:
        return ScheduleRow(
            id=subject.schedule,
            owner=subject.owner,
            definition=encode_definition(definition).decode(),
            created_at=created_at,
            updated_at=updated_at,
            announced_at=announced_at,
            last_at=None,
            last_task=None,
            epoch=0,
            sequence=0,
        )
    row.definition = encode_definition(definition).decode()
    row.updated_at, row.announced_at = updated_at, announced_at
    return row
