"""Appending a batch: `created` and the first tasks as one, then the other tasks chunk by chunk, each all or nothing.

Ids derive from (batch, index) and chunks from the inputs alone, and each is appended on condition that its first message is
not in the log yet. So whoever sends a batch again under its Idempotency-Key completes one that was cut off, and repeats nothing.
It is also on condition that nobody has cancelled the batch, so that none of its tasks comes after its cancellation: who reads
that knows all that there will be, and it settles once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import NamedTuple, NoReturn

from msgspec import Raw

from headrace.api.state import ApiState
from headrace.api.v1.batch_upload import Intake
from headrace.contracts.batches import BatchCreated, BatchEventName
from headrace.contracts.batches import encode as encode_batch
from headrace.contracts.events import EventName, Queued, encode
from headrace.contracts.problems import FieldError
from headrace.errors import AppendRefused, KeyReused, LogUnavailable
from headrace.log import conditions, subjects
from headrace.log.append import BATCH_MESSAGES_MAX, Message
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject

CHUNK_TASKS = BATCH_MESSAGES_MAX - 2  # room for `created` and a last task; a batch sent again must have the same chunks
CHUNK_BYTES = 4 << 20  # bytes of inputs in a chunk, so that it takes the log tens of milliseconds at most; likewise
MESSAGE_BYTES = 400  # bytes of a task in the log besides its input: subject, headers, what is stored around them
BREATH_SECONDS = 0.005  # between chunks, for what waited meanwhile, here and at the log
PATIENCE_SECONDS = 10.0  # how long a batch that has begun waits for a log that is away; a restart takes a second or two
AGAIN_SECONDS = 0.25
COPY_SECONDS = (
    0.01  # between two looks at a log of several copies; the one that answers may be some milliseconds behind
)
COPY_SECONDS_MAX = 2.0


class NewBatch(NamedTuple):
    """A batch as it was asked for.

    ``keyed``: with an Idempotency-Key, so that it may be there already. ``max_attempts`` is each task's, ``headers`` are what
    its events carry.
    """

    id: str
    keyed: bool
    owner: str
    created: BatchCreated
    max_attempts: int | None
    body_hash: str
    headers: dict[str, str]


class Accepted(NamedTuple):
    """All of a batch is in the log; or, of one that was cancelled, all that will be.

    ``is_new``: it is as it was just made. Otherwise its beginning was in the log before, or it was cancelled meanwhile.
    """

    at: datetime
    last_sequence: int
    is_new: bool


async def append_batch(api: ApiState, batch: NewBatch, intake: Intake) -> Accepted:
    """Append a batch, or what the log does not have of it yet; nothing further once it is cancelled.

    Raises:
        KeyReused: the log has another batch under this id.
        LogFull: there is no room for it.
        LogUnavailable: the log does not answer. A part of the batch may be in it, see above.
    """
    if not api.log.is_connected:
        raise LogUnavailable("the log cannot be reached; try again in a moment")
    at, epoch, number, last = datetime.now(UTC), api.log.epoch, 0, 0
    before = await _begun(api, batch) if batch.keyed else None
    if before is None:
        api.capacity.reserve(intake.size + intake.total * MESSAGE_BYTES)
    cancelled = await _cancelled(api, batch) if before is not None else 0
    async for inputs in intake.inputs(CHUNK_TASKS, CHUNK_BYTES):
        if cancelled:
            break  # nobody waits for the rest of it, if there is one
        messages = _tasks(batch, number, inputs)
        if number == 0 and before is None:
            messages.insert(0, _created(batch))
        try:
            last, cancelled = await _append(api, batch, messages, may_be_there=before is not None)
            if not last and number == 0 and before is None:
                before = await _begun(api, batch, wait=True) or _too_old(batch)
            if api.log.epoch != epoch:
                raise LogUnavailable("the log was made anew meanwhile")
        except LogUnavailable as error:
            raise LogUnavailable(_advice(error, batch, number, intake.total)) from error
        number += len(inputs)
        await asyncio.sleep(BREATH_SECONDS)
    if cancelled:
        return Accepted(at if before is None else before.at, cancelled, is_new=False)
    if not last:
        newest = await api.log.replayer.last(subjects.all_of(batch.owner, _member(batch, intake.total - 1)))
        last = newest.sequence if newest is not None else 0
    if before is not None:
        return Accepted(before.at, max(before.sequence, last), is_new=False)
    return Accepted(at, last, is_new=True)


async def _append(
    api: ApiState, batch: NewBatch, messages: Sequence[Message], *, may_be_there: bool
) -> tuple[int, int]:
    """Append a chunk, for as long as it takes a log to restart; the sequence of its last message.

    0 when it was there, or would come after the cancellation of the batch; then also where that stands, 0 for nowhere.
    """
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    has_room = not may_be_there  # room for a new batch was made at once
    while True:
        try:
            if may_be_there and await _is_there(api, messages[0]):
                return 0, await _cancelled(api, batch)
            if not has_room:
                api.capacity.reserve(sum(len(message.payload) + MESSAGE_BYTES for message in messages))
                has_room = True
            with suppress(AppendRefused):
                return (await api.log.appender.append_all(messages)).sequence, 0
            return 0, await _cancelled(api, batch)
        except LogUnavailable:
            if asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(AGAIN_SECONDS)  # whoever keeps the log does not say when it is ready


async def _is_there(api: ApiState, first: Message) -> bool:
    """Whether a chunk would be refused; asking costs less than being refused with all of it."""
    subject = TaskSubject.parse(first.subject)
    return bool((await api.log.replayer.page(subjects.all_of(subject.owner, subject.task), records=1)).records)


async def _begun(api: ApiState, batch: NewBatch, *, wait: bool = False) -> Record | None:
    """The `created` that is in the log already. ``wait`` for it when the log has it: the copy that is asked may be behind.

    Raises:
        KeyReused: it is another batch's.
    """
    subject = _subject(batch, BatchEventName.CREATED)
    created = await api.log.replayer.last(subject)
    if created is None and wait and await api.log.replayer.last_at_leader(subject):
        deadline = asyncio.get_running_loop().time() + COPY_SECONDS_MAX
        while created is None and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(COPY_SECONDS)  # a copy does not tell when it has caught up
            created = await api.log.replayer.last(subject)
    if created is not None and created.headers.get(subjects.BODY_HASH) != batch.body_hash:
        raise _reused("this Idempotency-Key was used with another batch; use a new key for a new batch")
    return created


def _too_old(batch: NewBatch) -> NoReturn:
    """There are tasks of the batch, and no `created`: it is older than what the log keeps."""
    raise _reused(f"this Idempotency-Key was used long ago, for batch {batch.id}; use a new key for a new batch")


def _reused(message: str) -> KeyReused:
    return KeyReused(message, [FieldError(path="header Idempotency-Key", message=message)])


async def _cancelled(api: ApiState, batch: NewBatch) -> int:
    """Where its cancellation stands, 0 for nowhere."""
    return await api.log.replayer.last_at_leader(_subject(batch, BatchEventName.CANCELLED))


def _created(batch: NewBatch) -> Message:
    headers = {**batch.headers, subjects.BODY_HASH: batch.body_hash, **conditions.subject_is_empty()}
    return Message(_subject(batch, BatchEventName.CREATED), encode_batch(batch.created), headers)


def _tasks(batch: NewBatch, number: int, inputs: Sequence[bytes]) -> list[Message]:
    """The tasks of a chunk whose first has this number.

    The first is on condition that it is new, the second that the batch is not cancelled; a message can have one condition.
    """
    kind, priority, owner = batch.created.kind, batch.created.priority, batch.owner
    headers = {**batch.headers, subjects.BATCH: batch.id}
    not_cancelled = conditions.no_event_of(_subject(batch, BatchEventName.CANCELLED))
    required = (conditions.task_is_new(owner, _member(batch, number)), not_cancelled)
    return [
        Message(
            str(TaskSubject(EventName.QUEUED, kind, priority, owner, _member(batch, number + place))),
            encode(Queued(attempt=1, fence=0, input=Raw(each), max_attempts=batch.max_attempts)),
            headers | required[place] if place < len(required) else headers,
        )
        for place, each in enumerate(inputs)
    ]


def _member(batch: NewBatch, number: int) -> str:
    return f"{batch.id}-{number}"


def _subject(batch: NewBatch, event: BatchEventName) -> str:
    return subjects.batch_event(event, batch.owner, batch.id)


def _advice(error: LogUnavailable, batch: NewBatch, number: int, total: int) -> str:
    if number == 0:
        return f"{error.message}; with an Idempotency-Key it is safe to send the batch again"
    return (
        f"{error.message}. The log has {number:,} of the {total:,} tasks of batch {batch.id}: send the batch again with the same "
        "Idempotency-Key to have it completed; without one, cancel it and send it anew"
    )
