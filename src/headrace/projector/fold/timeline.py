"""The entries of an event in the timeline of its task."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import msgspec

from headrace.contracts.events import HIGH_RATE, Event, EventName, Finished, Stored
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.store.storable import storable_instant
from headrace.store.tables import EventRow

_encode = msgspec.json.Encoder().encode


def timeline_entries(record: Record, subject: TaskSubject, event: Event, epoch: int) -> Iterator[EventRow]:
    """Build the timeline entries of an event.

    High-rate events have none, nor have the files in which a worker keeps them, nor a finish that was restored, because the timeline
    has it. A finish that withdrew a
    `queued` event has two, because that event has left the log.
    """
    if isinstance(event, Finished) and event.withdrawn is not None:
        withdrawn = event.withdrawn
        at = storable_instant(withdrawn.at)
        yield _entry(epoch, withdrawn.sequence, at, subject.task, EventName.QUEUED, withdrawn.queued)
    is_kept_output = isinstance(event, Stored) and event.role is not None
    is_restored = isinstance(event, Finished) and event.restored is not None
    if subject.event not in HIGH_RATE and not is_kept_output and not is_restored:
        yield _entry(epoch, record.sequence, record.at, subject.task, subject.event, event)


def _entry(epoch: int, sequence: int, at: datetime, task: str, name: str, event: Event) -> EventRow:
    fields = msgspec.structs.asdict(event)
    for left_out in ("attempt", "input", "stored_input", "result", "stored_result", "withdrawn", "restored"):
        fields.pop(left_out, None)
    for duration in ("queued_seconds", "run_seconds"):
        # Entries of events that have none look as they did before events could have one.
        if fields.get(duration) is None:
            fields.pop(duration, None)
    return EventRow(
        epoch=epoch,
        sequence=sequence,
        task=task,
        event=name,
        at=at,
        attempt=event.attempt,
        data=_encode(fields).decode(),
    )
