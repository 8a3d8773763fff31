"""The state of a batch, read from its own events in the log; how it is cancelled, and how it settles."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple, TypeVar

import msgspec

from headrace.contracts.batches import (
    Batch,
    BatchCancelled,
    BatchCreated,
    BatchEventName,
    BatchSettled,
    BatchState,
    Counts,
    decode,
    encode,
)
from headrace.contracts.positions import Position
from headrace.errors import AppendRefused
from headrace.log import conditions, subjects
from headrace.log.agreed import last_of_each_agreed
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.subjects import BatchSubject

Read = TypeVar("Read", BatchCreated, BatchCancelled, BatchSettled)


def describe_new_batch(batch: str, owner: str, created: BatchCreated, at: datetime, position: Position) -> Batch:
    """Return a batch as clients see it before any of its tasks is counted.

    Args:
        batch: Its id.
        owner: Its owner.
        created: Its `created` event.
        at: When it was created.
        position: The log position that the answer reflects.
    """
    return Batch(
        id=batch,
        kind=created.kind,
        name=created.name,
        labels=created.labels,
        priority=created.priority,
        owner=owner,
        total=created.total,
        counts=Counts(),
        state=BatchState.OPEN,
        created_at=at,
        position=str(position),
    )


async def read_batch_state(log: Log, owner: str, batch: str) -> Batch | None:
    """Return a batch as its own events in the log describe it; None when the log does not have its `created` event.

    The events of its tasks are not read, so the counts are zero until the batch has settled.

    Raises:
        LogUnavailable: the log does not answer.
    """
    every_event = subjects.batch_event("*", owner, batch)
    newest = await log.replayer.last_of_each(every_event) or await last_of_each_agreed(log, every_event)
    records = {BatchSubject.parse(record.subject).event: record for record in newest}
    created, beginning = _read(records.get(BatchEventName.CREATED), BatchCreated)
    cancelled, _ = _read(records.get(BatchEventName.CANCELLED), BatchCancelled)
    settled, end = _read(records.get(BatchEventName.SETTLED), BatchSettled)
    if created is None or beginning is None:
        return None
    found = describe_new_batch(batch, owner, beginning, created.at, Position(log.epoch, created.sequence))
    if cancelled is not None:
        found = msgspec.structs.replace(found, cancelled_at=cancelled.at)
    # Only an open batch can be cancelled. So a batch that was cancelled after it had settled was opened again in between.
    if settled is None or end is None or (cancelled is not None and cancelled.sequence > settled.sequence):
        return found
    return msgspec.structs.replace(
        found,
        counts=end.counts,
        state=BatchState.SETTLED,
        settled_at=settled.at,
        position=str(Position(log.epoch, settled.sequence)),
    )


def _read(record: Record | None, expected: type[Read]) -> tuple[Record, Read] | tuple[None, None]:
    """Return a record with its event; nothing when there is none, or when it cannot be read: the projector leaves it out."""
    if record is None:
        return None, None
    try:
        event = decode(record.payload)
    except msgspec.MsgspecError:
        return None, None
    return (record, event) if isinstance(event, expected) else (None, None)


class Cancelled(NamedTuple):
    """The log has the cancellation at this sequence."""

    sequence: int


class SettledSince(NamedTuple):
    """The batch has settled at this position, which the caller had not seen; it may have been opened again since."""

    position: Position


class Changed(NamedTuple):
    """The batch has settled in this very moment."""


async def cancel_batch(
    log: Log, owner: str, batch: str, *, seen: Position, headers: Mapping[str, str]
) -> Cancelled | SettledSince | Changed:
    """Try once to append the cancellation of an open batch. The projector then cancels its tasks.

    The condition makes sure that in the log, a batch that is cancelled was open; the projector relies on that.

    Args:
        log: The log.
        owner: The owner, who cancels the batch.
        batch: Its id.
        seen: The position at which the caller has seen the batch open.
        headers: The headers of the event, with a `Nats-Msg-Id` that is the same in every try.

    Raises:
        LogFull: the log has no room.
        LogUnavailable: the log does not answer. Whether the batch is cancelled is then not known.
    """
    settled = subjects.batch_event(BatchEventName.SETTLED, owner, batch)
    last_settled = Position(log.epoch, await log.replayer.leading.last(settled))
    if last_settled.sequence and last_settled > seen:
        return SettledSince(last_settled)
    not_settled = conditions.last_event_of(settled, last_settled.sequence)
    subject = subjects.batch_event(BatchEventName.CANCELLED, owner, batch)
    try:
        appended = await log.appender.append(subject, encode(BatchCancelled(by=owner)), {**headers, **not_settled})
    except AppendRefused:
        return Changed()
    return Cancelled(appended.sequence)


async def settle_batch(
    log: Log, owner: str, batch: str, counts: Counts, *, counted_at: Position, last_settled: int
) -> None:
    """Append `settled` for a batch whose tasks are all final, unless another projector has.

    Args:
        log: The log.
        owner: The owner of the batch.
        batch: Its id.
        counts: How many of its tasks are in each state.
        counted_at: The position that the counts reflect.
        last_settled: Where the previous `settled` event stands; 0 for none.

    Raises:
        LogFull: the log has no room.
        LogUnavailable: the log does not answer.
    """
    subject = subjects.batch_event(BatchEventName.SETTLED, owner, batch)
    payload = encode(BatchSettled(counts=counts))
    # A previous `settled` event that has left the log counts as none.
    for expected in dict.fromkeys((last_settled, 0)):
        headers = {
            subjects.MSG_ID: f"settled-{batch}-{counted_at.epoch}-{counted_at.sequence}-{expected}",
            **conditions.subject_unchanged(expected),
        }
        try:
            await log.appender.append(subject, payload, headers)
        except AppendRefused:
            newest = await log.replayer.last(subject)
            if newest is None or newest.sequence == last_settled:
                continue
        return
