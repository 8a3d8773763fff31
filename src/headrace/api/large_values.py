"""Large inputs and results, as the API writes and reads them: beside the log, and whole again in answers."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import aclosing, suppress

from msgspec import Raw
from msgspec.structs import replace

from headrace.api.state import ApiState
from headrace.contracts.files import content_key
from headrace.contracts.large_values import (
    ANSWER_BYTES_MAX,
    INLINE_BYTES_MAX,
    VALUE_BYTES_MAX,
    VALUE_MEDIA_TYPE,
    StoredValue,
    describe_value,
    find_value,
)
from headrace.contracts.tasks import NULL, FileRole, Task
from headrace.file_errors import ObjectMissing, ObjectsUnavailable, ValueMissing
from headrace.lifecycle.new_batch import NewTask
from headrace.lifecycle.queueing import input_bytes_max
from headrace.log.connection import Log
from headrace.objects import Objects

HASHED_BYTES = 1 << 20  # hashed on the event loop; more in a thread
STORE_SECONDS = 30.0  # for one value; proxies end a request that nothing happens to after 30 or 60


def input_limit(log: Log, objects: Objects | None) -> int:
    """Return the size of the largest input that is taken, in bytes: what an event has room for, or what a body has with a store."""
    return input_bytes_max(log) if objects is None else max(input_bytes_max(log), ANSWER_BYTES_MAX)


async def store_input(api: ApiState, owner: str, task: str, encoded: bytes) -> StoredValue | None:
    """Write an input to the store when it is too large for an event; returns None for one that is not, and without a store.

    Raises:
        ObjectsUnavailable: The store does not take it.
    """
    objects = api.files.objects
    if objects is None or len(encoded) <= INLINE_BYTES_MAX:
        return None
    value = describe_value(owner, task, FileRole.INPUT, len(encoded), await _sha256_of(encoded))
    try:
        async with asyncio.timeout(STORE_SECONDS), api.files.writes.take():
            attributes = {"Content-Type": VALUE_MEDIA_TYPE}
            await objects.write(value.key, _chunks(encoded), size_max=VALUE_BYTES_MAX, attributes=attributes)
    except TimeoutError as error:
        raise ObjectsUnavailable(
            "the storage of files does not take the input at the moment; try again shortly"
        ) from error
    return value


async def store_inputs(
    api: ApiState, owner: str, batch: str, chunks: AsyncIterator[list[NewTask]]
) -> AsyncIterator[list[NewTask]]:
    """Give the tasks of a batch, chunk by chunk, with their large inputs in the store.

    Raises:
        ObjectsUnavailable: The store does not take one of them.
    """
    index = 0
    async for chunk in chunks:
        stored = [
            await store_input(api, owner, f"{batch}-{index + place}", each.input) for place, each in enumerate(chunk)
        ]
        index += len(chunk)
        yield [
            each if value is None else each._replace(input=bytes(NULL), stored_input=value)
            for each, value in zip(chunk, stored, strict=True)
        ]


async def with_values(objects: Objects | None, task: Task) -> Task:
    """Return a task with its input and its result, wherever they are. Those of more than 8 MB stay in their files.

    An input that the store has lost is left out: the task fails for that reason, and says so.

    Raises:
        ObjectsUnavailable: The store does not answer.
        ValueMissing: The store has lost the result.
    """
    if (value := find_value(task.files, FileRole.INPUT)) is not None and value.size <= ANSWER_BYTES_MAX:
        with suppress(ValueMissing):
            task = replace(task, input=await _read_value(objects, task, value))
    if (value := find_value(task.files, FileRole.RESULT)) is not None and value.size <= ANSWER_BYTES_MAX:
        task = replace(task, result=await _read_value(objects, task, value))
    return task


async def _read_value(objects: Objects | None, task: Task, value: StoredValue) -> Raw:
    if objects is None:
        raise ObjectsUnavailable(
            "a value of this task is in object storage, which is not set up in this process; set HEADRACE_OBJECTS_URL"
        )
    try:
        async with asyncio.timeout(STORE_SECONDS):
            whole = await _read_whole(objects, content_key(task.owner, value.file), value.size)
    except ObjectMissing:
        raise ValueMissing(
            f"the storage of files has lost {value.file!r} of task {task.id!r}; run the task again, or restore the object"
        ) from None
    except TimeoutError as error:
        raise ObjectsUnavailable("the storage of files does not answer at the moment; try again shortly") from error
    if await _sha256_of(whole) != value.sha256:
        raise ObjectsUnavailable(
            f"the storage of files has other bytes of {value.file!r} than were written; try again shortly"
        )
    return Raw(whole)


async def _read_whole(objects: Objects, key: str, size: int) -> bytes:
    """Read an object, and no more than one byte beyond its size."""
    async with aclosing(objects.read(key, 0, size + 1)) as chunks:
        return b"".join([chunk async for chunk in chunks])


async def _sha256_of(whole: bytes) -> str:
    if len(whole) <= HASHED_BYTES:
        return hashlib.sha256(whole).hexdigest()
    return (await asyncio.to_thread(hashlib.sha256, whole)).hexdigest()


async def _chunks(whole: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(whole), HASHED_BYTES):
        yield whole[start : start + HASHED_BYTES]
