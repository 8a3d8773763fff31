"""The bytes of a file on their way into the store."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from headrace.contracts.files import FileRecord, content_key, record_key
from headrace.file_errors import WrongSize
from headrace.file_names import content_disposition
from headrace.media_types import TypeCheck, is_shown
from headrace.objects import HEAD_BYTES, INLINE_BYTES, Objects, Written
from headrace.store.file_table import FileRow

CACHE_CONTROL = "private, max-age=3600, immutable"
"""How long the browser of its owner keeps a file. Its bytes never change; but on a computer that several people use, the next one
who knows the address finds it there for so long."""


async def begin(source: AsyncIterator[bytes]) -> tuple[bytes, AsyncIterator[bytes]]:
    """Return the first bytes of a source, as many as are needed to know a type, and the whole source."""
    head = list[bytes]()
    size = 0
    async for chunk in source:
        head.append(chunk)
        size += len(chunk)
        if size >= HEAD_BYTES:
            break
    return b"".join(head)[:HEAD_BYTES], _joined(head, source)


async def checked(source: AsyncIterator[bytes], check: TypeCheck) -> AsyncIterator[bytes]:
    """Pass on the chunks of a source, each after it was checked.

    Raises:
        WrongType: They are not of the type that was declared.
    """
    async for chunk in source:
        if not check.reads_everything:
            pass
        elif len(chunk) < INLINE_BYTES:
            check.add(chunk)
        else:
            await asyncio.to_thread(check.add, chunk)
        yield chunk
    check.end()


async def exactly(source: AsyncIterator[bytes], size: int) -> AsyncIterator[bytes]:
    """Pass on the chunks of a source that has so many bytes.

    Raises:
        WrongSize: It has more or fewer.
    """
    found = 0
    async for chunk in source:
        found += len(chunk)
        if found > size:
            raise WrongSize(f"{size:,} bytes were declared, and more have arrived; send as many as were declared")
        yield chunk
    if found < size:
        raise WrongSize(f"{size:,} bytes were declared, and {found:,} have arrived; send as many as were declared")


async def write_content(objects: Objects, row: FileRow, source: AsyncIterator[bytes], size_max: int) -> Written:
    """Write the bytes of a file to where they stay, and check its type on the way.

    Raises:
        WrongType: They are not of the type that was declared. Nothing is left of them.
        TooLarge: There are more than ``size_max``. Nothing is left of them.
        ObjectsUnavailable: The store does not take them.
    """
    check = TypeCheck(row.media_type)
    head, whole = await begin(source)
    check.check_head(head)
    attributes = {
        "Content-Type": row.media_type,
        "Content-Disposition": content_disposition(row.name, is_shown=is_shown(row.media_type, head)),
        "Cache-Control": CACHE_CONTROL,
    }
    key = content_key(row.owner, row.id)
    return await objects.write(key, checked(whole, check), size_max=size_max, attributes=attributes)


async def write_record(objects: Objects, record: FileRecord) -> None:
    """Write what workers know of a file beside its bytes.

    Raises:
        ObjectsUnavailable: The store does not take it.
    """
    encoded = msgspec.json.encode(record)
    await objects.write(record_key(record.owner, record.id), _one(encoded), size_max=len(encoded))


async def _one(chunk: bytes) -> AsyncIterator[bytes]:
    yield chunk


async def _joined(before: list[bytes], source: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    for chunk in before:
        yield chunk
    async for chunk in source:
        yield chunk
