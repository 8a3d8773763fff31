"""Decoding a page of the log: which aggregate each record is about, and which event it holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec

from headrace.contracts import batches, events, schedules
from headrace.contracts.batches import BatchEvent
from headrace.contracts.events import Event
from headrace.contracts.schedules import ScheduleEvent
from headrace.log import subjects
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


DecodedRecord = TaskRecord | BatchRecord | ScheduleRecord


def decode_page(page: Iterable[Record]) -> Iterator[DecodedRecord]:
    """Decode the records of a page in log order; timers and filler hold no events.

    An event that cannot be decoded is logged and left out, so that it does not stop everything behind it.
    """
    for record in page:
        if not has_events(record.subject):
            continue
        try:
            yield _decode(record)
        except (ValueError, msgspec.MsgspecError) as error:
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
        elif isinstance(decoded, TaskRecord) and (batch := decoded.record.headers.get(subjects.BATCH)) is not None:
            found.add(batch)
    return found


def schedule_ids(page: Iterable[DecodedRecord]) -> set[str]:
    """Return the schedules that a page may change: those it is about, and those that submitted its tasks."""
    found: set[str] = set()
    for decoded in page:
        if isinstance(decoded, ScheduleRecord):
            found.add(decoded.subject.schedule)
        elif isinstance(decoded, TaskRecord) and (schedule := decoded.record.headers.get(subjects.OF_SCHEDULE)):
            found.add(schedule)
    return found


def _decode(record: Record) -> DecodedRecord:
    # Inputs and results reach the read model undecoded, and Postgres takes UTF-8 only.
    record.payload.decode()
    if is_of_batch(record.subject):
        return BatchRecord(record, BatchSubject.parse(record.subject), batches.decode(record.payload))
    if is_of_schedule(record.subject):
        return ScheduleRecord(record, ScheduleSubject.parse(record.subject), schedules.decode(record.payload))
    return TaskRecord(record, TaskSubject.parse(record.subject), events.decode(record.payload))
