"""Decoding a page of the log: which aggregate each record is about, and which event it holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple, TypeVar

from headrace.contracts import batches, events, schedules
from headrace.contracts.batches import BatchEvent
from headrace.contracts.events import Event
from headrace.contracts.schedules import ScheduleDeleted, ScheduleEvent, ScheduleEventName
from headrace.log.memberships import batch_of, schedule_of
from headrace.log.records import Record
from headrace.log.subjects import BatchSubject, ScheduleSubject, TaskSubject, has_events, is_of_batch, is_of_schedule
from headrace.store.tables import TaskRow
from headrace.telemetry import get_logger

log = get_logger(__name__)


class TaskRecord(NamedTuple):
    """A record about a task, with its subject and its payload decoded."""

    record: Record
    subject: TaskSubject
    event: Event


class BatchRecord(NamedTuple):
    """A record about a batch itself, with its subject and its payload decoded."""

    record: Record
    subject: BatchSubject
    event: BatchEvent


class ScheduleRecord(NamedTuple):
    """A record about a schedule itself, with its subject and its payload decoded."""

    record: Record
    subject: ScheduleSubject
    event: ScheduleEvent


NamedEvent = TypeVar("NamedEvent", bound=BatchEvent | ScheduleEvent)

DecodedRecord = TaskRecord | BatchRecord | ScheduleRecord


def decode_page(page: Iterable[Record]) -> Iterator[DecodedRecord]:
    """Decode the records of a page in log order; timers and filler hold no events.

    An event that cannot be decoded is logged and left out, so that it does not stop everything behind it. Only a `finished`
    event counts all the same, see `headrace.contracts.events.read`.
    """
    for record in page:
        if not has_events(record.subject):
            continue
        try:
            yield _decode(record)
        except ValueError as error:
            log.error("an event cannot be read; it is left out", sequence=record.sequence, error=str(error))


def task_ids(page: Iterable[DecodedRecord]) -> set[str]:
    """Return the tasks that a page is about."""
    return {decoded.subject.task for decoded in page if isinstance(decoded, TaskRecord)}


def batch_ids(page: Iterable[DecodedRecord], tasks: Iterable[TaskRow]) -> set[str]:
    """Return the batches that a page may change: those it names, and those of the tasks that it is about."""
    found = {row.batch for row in tasks if row.batch is not None}
    for decoded in page:
        if isinstance(decoded, BatchRecord):
            found.add(decoded.subject.batch)
        elif isinstance(decoded, TaskRecord) and (batch := batch_of(decoded.record.headers)) is not None:
            found.add(batch)
    return found


def schedule_ids(page: Iterable[DecodedRecord]) -> set[str]:
    """Return the schedules that a page may change: those it is about, and those that submitted its tasks."""
    found: set[str] = set()
    for decoded in page:
        if isinstance(decoded, ScheduleRecord):
            found.add(decoded.subject.schedule)
        elif isinstance(decoded, TaskRecord) and (schedule := schedule_of(decoded.record.headers)):
            found.add(schedule)
    return found


def _decode(record: Record) -> DecodedRecord:
    """Decode a record.

    Raises:
        ValueError: its subject is not that of an event, or its payload is not the event that the subject names.
    """
    if "\0" in record.subject:
        raise ValueError("its subject has a NUL, which Postgres cannot hold")
    if is_of_batch(record.subject):
        batch = BatchSubject.parse(record.subject)
        return BatchRecord(record, batch, _named(batch.event, batches.decode(record.payload)))
    if is_of_schedule(record.subject):
        schedule = ScheduleSubject.parse(record.subject)
        event = schedules.decode(record.payload)
        # A deletion also takes the place of the definition, under the subject of that one.
        replaces = isinstance(event, ScheduleDeleted) and schedule.event == ScheduleEventName.SAVED
        return ScheduleRecord(record, schedule, event if replaces else _named(schedule.event, event))
    task = TaskSubject.parse(record.subject)
    event = events.read(task.event, record.payload)
    if event is None:
        raise ValueError(f"its payload is no {task.event!r} event")
    return TaskRecord(record, task, event)


def _named(name: str, event: NamedEvent) -> NamedEvent:
    if event.__struct_config__.tag != name:
        raise ValueError(f"its subject says {name!r} and its payload {event.__struct_config__.tag!r}")
    return event
