"""Appending a batch: `created` and the first tasks as one, then the other tasks chunk by chunk, each all or nothing.

Ids derive from (batch, index) and chunks from the inputs alone. Each chunk is appended on condition that the log does not have
its first message yet. So a client that sends a batch again under its key completes a batch that was cut off, and repeats
nothing. Each chunk is also appended on condition that nobody has cancelled the batch, so that no task comes after the
cancellation: a reader of the cancellation knows every task that there will be, and the batch settles once.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import datetime
from typing import NamedTuple

from headrace.contracts.batches import BatchEventName
from headrace.errors import AppendRefused, LogUnavailable
from headrace.lifecycle.new_batch import NewBatch, NewTask
from headrace.log import clock, subjects
from headrace.log.agreed import last_agreed
from headrace.log.append import BATCH_MESSAGES_MAX, Message
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject

CHUNK_TASKS = BATCH_MESSAGES_MAX - 2  # room for `created` and a last task; a batch sent again must have the same chunks
CHUNK_BYTES = 4 << 20  # of inputs: the log takes tens of milliseconds for it; the same for a batch sent again
MESSAGE_BYTES = 400  # bytes of a task in the log besides its input: subject, headers, what is stored around them
PAUSE_SECONDS = 0.005  # between chunks, so that other requests and the log have their turn
PATIENCE_SECONDS = 10.0  # how long a chunk waits for a log that is away; a restart takes a second or two
RETRY_SECONDS = 0.25


class Accepted(NamedTuple):
    """The log has all of the batch; of a cancelled batch, all that there will be.

    Attributes:
        at: When the batch was created.
        last_sequence: Where its newest event stands that this append knows of.
        is_new: Whether the batch is as it was just created. Otherwise the log had it before, or it was cancelled meanwhile.
    """

    at: datetime
    last_sequence: int
    is_new: bool


class OtherBatch(NamedTuple):
    """The log has another batch under this id: its key was used with another body."""


class ForgottenBatch(NamedTuple):
    """The log has tasks of a batch under this id, but no `created` any more: its key was used long ago."""


class Interrupted(NamedTuple):
    """The log became unavailable; it has the first ``tasks`` tasks. ``reason`` is a sentence without its full stop."""

    reason: str
    tasks: int


BatchResult = Accepted | OtherBatch | ForgottenBatch | Interrupted


class _Appended(NamedTuple):
    """The log has taken a chunk; its last message has this sequence."""

    sequence: int


class _AlreadyThere(NamedTuple):
    """The log had the chunk before."""


class _Cancelled(NamedTuple):
    """The batch was cancelled at this sequence, so the log takes no further task of it."""

    sequence: int


_ChunkResult = _Appended | _AlreadyThere | _Cancelled


async def append_batch(
    log: Log,
    batch: NewBatch,
    chunks: AsyncIterable[Sequence[NewTask]],
    reserve: Callable[[int], None],
    has_been: Callable[[str], Awaitable[bool]],
) -> BatchResult:
    """Append a batch, or what the log does not have of it yet; nothing once it is cancelled.

    Args:
        log: The log.
        batch: The batch.
        chunks: All its tasks in order, up to `CHUNK_TASKS` and about `CHUNK_BYTES` at a time, always cut at the same places.
        reserve: Reserves room in the log for so many bytes.
        has_been: Whether a task that the log does not have was in it, and has left it because it is over.

    Raises:
        LogFull: the log has no room.
        LogUnavailable: the log did not answer before anything was appended.
    """
    if not log.is_connected:
        raise LogUnavailable("the log cannot be reached; try again in a moment")
    append = _BatchAppend(log, batch, reserve, has_been)
    created = await _read_created(log, batch) if batch.is_keyed else None
    if created is None:
        reserve(batch.input_bytes + batch.header_bytes + batch.created.total * MESSAGE_BYTES)
        return await append.append_chunks(chunks)
    if not _is_same(batch, created):
        return OtherBatch()
    if cancelled := await _read_cancellation(log, batch):
        return Accepted(created.at, cancelled.sequence, is_new=False)
    append.created = created
    return await append.append_chunks(chunks)


class _BatchAppend:
    """One append of a batch.

    Attributes:
        created: The `created` event that the log had before; None while the batch is taken to be new.
    """

    def __init__(
        self, log: Log, batch: NewBatch, reserve: Callable[[int], None], has_been: Callable[[str], Awaitable[bool]]
    ) -> None:
        self.created: Record | None = None
        self._log = log
        self._batch = batch
        self._reserve = reserve
        self._has_been = has_been
        self._at = clock.now()
        self._epoch = log.epoch

    async def append_chunks(self, chunks: AsyncIterable[Sequence[NewTask]]) -> BatchResult:
        """Append every chunk that the log does not have, until the batch is complete or cancelled."""
        index, last_sequence = 0, None
        async for tasks in chunks:
            try:
                result = await self._append_chunk(index, tasks)
            except LogUnavailable as error:
                return Interrupted(error.message, index)
            match result:
                case _Appended(sequence):
                    last_sequence = sequence
                case _AlreadyThere():
                    last_sequence = None
                case _Cancelled(sequence):
                    return Accepted(self._at if self.created is None else self.created.at, sequence, is_new=False)
                case OtherBatch() | ForgottenBatch():
                    return result
            index += len(tasks)
            await asyncio.sleep(PAUSE_SECONDS)
        return await self._complete(last_sequence)

    async def _append_chunk(self, index: int, tasks: Sequence[NewTask]) -> _ChunkResult | OtherBatch | ForgottenBatch:
        messages = self._batch.task_messages(index, tasks)
        is_beginning = index == 0 and self.created is None
        if is_beginning:
            messages.insert(0, self._batch.created_message())
        result = await self._append_patiently(messages)
        if is_beginning and not isinstance(result, _Appended):
            # The log has refused the beginning of the batch, so it has one under this id.
            self.created = await _read_created(self._log, self._batch)
            if self.created is None:
                return ForgottenBatch()
            if not _is_same(self._batch, self.created):
                return OtherBatch()
        if self._log.epoch != self._epoch:
            raise LogUnavailable("the log was made anew meanwhile")
        return result

    async def _append_patiently(self, messages: Sequence[Message]) -> _ChunkResult:
        """Append a chunk, for as long as the log needs to restart."""
        may_be_there = self.created is not None
        # A new batch has reserved room for all its chunks at once.
        has_room = not may_be_there
        deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
        is_first_try = True
        while True:
            try:
                if may_be_there and await self._is_there(messages[0]):
                    return await self._explain_refusal()
                if not has_room:
                    self._reserve(sum(len(message.payload) + MESSAGE_BYTES for message in messages))
                    has_room = True
                with suppress(AppendRefused):
                    return _Appended((await self._log.appender.append_all(messages)).sequence)
                return await self._explain_refusal()
            except LogUnavailable:
                # A process that stood still for all this time has asked only once, and of a log that has given up waiting for it.
                if asyncio.get_running_loop().time() > deadline and not is_first_try:
                    raise
                is_first_try = False
            # The broker sends no signal when the log is ready again, so the append is tried again.
            await asyncio.sleep(RETRY_SECONDS)

    async def _explain_refusal(self) -> _AlreadyThere | _Cancelled:
        return await _read_cancellation(self._log, self._batch) or _AlreadyThere()

    async def _is_there(self, first: Message) -> bool:
        """Whether the log has or had the first task of a chunk. To ask costs less than to send a whole chunk that is then refused."""
        task = TaskSubject.parse(first.subject)
        found = await self._log.replayer.page(subjects.task_events(task.owner, task.task), records=1)
        return bool(found.records) or await self._has_been(task.task)

    async def _complete(self, last_sequence: int | None) -> Accepted:
        if last_sequence is None:
            last_task = self._batch.task_id(self._batch.created.total - 1)
            newest = await self._log.replayer.last(subjects.task_events(self._batch.owner, last_task))
            last_sequence = 0 if newest is None else newest.sequence
        if self.created is None:
            return Accepted(self._at, last_sequence, is_new=True)
        return Accepted(self.created.at, max(self.created.sequence, last_sequence), is_new=False)


async def is_in_log(log: Log, batch: NewBatch) -> bool:
    """Whether the log has this batch already, with the same inputs.

    Raises:
        LogUnavailable: the log does not answer.
    """
    created = await _read_created(log, batch)
    return created is not None and _is_same(batch, created)


async def _read_created(log: Log, batch: NewBatch) -> Record | None:
    return await last_agreed(log, batch.subject(BatchEventName.CREATED))


async def _read_cancellation(log: Log, batch: NewBatch) -> _Cancelled | None:
    sequence = await log.replayer.leading.last(batch.subject(BatchEventName.CANCELLED))
    return _Cancelled(sequence) if sequence else None


def _is_same(batch: NewBatch, created: Record) -> bool:
    return created.headers.get(subjects.BODY_HASH) == batch.body_hash
