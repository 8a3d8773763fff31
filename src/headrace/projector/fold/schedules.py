"""What events mean for a schedule's row, pure, and setting timers again that the broker has lost."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import msgspec

from headrace.contracts.events import Event, Finished, Queued
from headrace.contracts.schedules import (
    ScheduleDefinition,
    ScheduleDeleted,
    ScheduleEvent,
    ScheduleEventName,
    ScheduleFired,
    ScheduleSaved,
    decode,
)
from headrace.cron import first, is_active
from headrace.errors import AppendRefused, LogFull, ScheduleRefused, TooLarge
from headrace.lifecycle.schedules import save
from headrace.log import conditions, provision, subjects
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.subjects import ScheduleSubject, TaskSubject
from headrace.store.projection import ReadModel, ScheduleRow
from headrace.telemetry import get_logger

ROWS = 100  # schedules looked at in one go; each may carry a large input

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode


class Schedules:
    """The schedules of a page, by id, which of them it has changed, and which are no more.

    Args:
        rows: Those that there are; they may be changed in place.
        epoch: The log's epoch.
    """

    def __init__(self, rows: dict[str, ScheduleRow], epoch: int) -> None:
        self.changed: dict[str, ScheduleRow] = {}
        self.gone: set[str] = set()
        self._rows = rows
        self._epoch = epoch

    def happened(self, record: Record, subject: ScheduleSubject, event: ScheduleEvent) -> None:
        """Something happened to a schedule itself."""
        row = self._rows.get(subject.schedule)
        if row is not None and (row.owner != subject.owner or self._knows(row, record)):
            return
        match event:
            case ScheduleSaved():
                self._change(_saved(row, record, subject, event), record)
            case ScheduleDeleted():
                if row is not None:
                    del self._rows[row.id]
                    self.changed.pop(row.id, None)
                    self.gone.add(row.id)
            case ScheduleFired():
                if row is not None and (next_at := record.headers.get(subjects.SCHEDULE_NEXT)):
                    row.announced_at = datetime.fromisoformat(next_at)
                    self._change(row, record)

    def submitted(self, record: Record, subject: TaskSubject, event: Event) -> None:
        """Something happened to a task: was it the beginning of one that a schedule submitted?

        Of a task that was cancelled while it waited, the beginning has left the log, and stands in its end.
        """
        schedule = record.headers.get(subjects.OF_SCHEDULE)
        row = self._rows.get(schedule) if schedule else None
        if row is None or row.owner != subject.owner or self._knows(row, record):
            return
        at, queued = record.at, event
        if isinstance(event, Finished) and event.withdrawn is not None:
            at, queued = event.withdrawn.at, event.withdrawn.queued
        if not isinstance(queued, Queued) or queued.attempt != 1 or queued.fence != 0:
            return  # tried, or run, again
        if row.last_at is None or at >= row.last_at:
            row.last_at, row.last_task = at, subject.task
            self._change(row, record)

    def _knows(self, row: ScheduleRow, record: Record) -> bool:
        """Whether an event is in the row already, as when the log is read again from before the checkpoint."""
        return (row.epoch, row.sequence) >= (self._epoch, record.sequence)

    def _change(self, row: ScheduleRow, record: Record) -> None:
        row.epoch, row.sequence = self._epoch, record.sequence
        self._rows[row.id] = self.changed[row.id] = row
        self.gone.discard(row.id)


def schedule_of(record: Record) -> str | None:
    """The schedule that a record is about, if it is about one."""
    if subjects.is_of_schedule(record.subject):
        return record.subject.rpartition(".")[2]
    return record.headers.get(subjects.OF_SCHEDULE)


async def arm_missing(log: Log, read_model: ReadModel) -> None:
    """Set the timers again that active schedules have in the read model and that the log does not have.

    Raises:
        LogUnavailable: the log does not answer.
    """
    there = await provision.subjects_there(log.connection, subjects.SCHEDULE_TIMERS)
    after = ""
    while rows := await read_model.schedules_after(after, ROWS):
        await rearm(log, [row for row in rows if subjects.schedule_timer(row.owner, row.id) not in there])
        after = rows[-1].id


async def rearm(to: Log, schedules: Iterable[ScheduleRow]) -> None:
    """Set the timers of schedules again, of those that are active.

    What the log knows of a schedule goes before what its row says: it may have been changed, or deleted, since.

    Raises:
        LogUnavailable: the log does not answer.
    """
    for row in schedules:
        try:
            saved, last = await _as_known(to, row)
            if saved is not None and is_active(saved.definition, datetime.now(UTC)):
                await save(to, row.owner, row.id, saved, conditions.subject_unchanged(last))
                log.warning("a schedule had lost its timer; it is set again", schedule=row.id)
        except AppendRefused:
            continue  # it was saved just now
        except (ScheduleRefused, TooLarge, LogFull, ValueError, msgspec.MsgspecError) as error:
            log.error("a schedule's timer cannot be set again", schedule=row.id, error=str(error))


async def _as_known(to: Log, row: ScheduleRow) -> tuple[ScheduleSaved | None, int]:
    """The newest definition, and where it stands in the log, 0 for nowhere; None for a schedule that was deleted."""
    event = subjects.schedule_event
    record = await to.replayer.last(event(ScheduleEventName.SAVED, row.owner, row.id))
    if record is None:
        deleted = await to.replayer.last(event(ScheduleEventName.DELETED, row.owner, row.id))
        definition = msgspec.json.decode(row.definition, type=ScheduleDefinition)
        saved = ScheduleSaved(definition=definition, created_at=row.created_at, updated_at=row.updated_at)
        return (None if deleted is not None else saved), 0
    known = decode(record.payload)
    if not isinstance(known, ScheduleSaved):
        return None, record.sequence
    updated_at = known.updated_at or record.at
    return (
        ScheduleSaved(definition=known.definition, created_at=row.created_at, updated_at=updated_at),
        record.sequence,
    )


def _saved(row: ScheduleRow | None, record: Record, subject: ScheduleSubject, event: ScheduleSaved) -> ScheduleRow:
    definition = event.definition
    announced_at = first(definition, record.at)
    updated_at = event.updated_at or record.at
    if row is None:
        return ScheduleRow(
            id=subject.schedule,
            owner=subject.owner,
            definition=_encode(definition).decode(),
            created_at=event.created_at or record.at,
            updated_at=updated_at,
            announced_at=announced_at,
            last_at=None,
            last_task=None,
            epoch=0,
            sequence=0,
        )
    row.definition = _encode(definition).decode()
    row.updated_at, row.announced_at = updated_at, announced_at
    return row
