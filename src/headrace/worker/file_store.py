"""The files of tasks in object storage, as attempts read and write them: tried again with jitter, and checked whole.

A worker has no database: what it knows of a file is the record beside its bytes.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import TypeVar

import msgspec

from headrace.contracts.files import FileRecord, content_key, record_key
from headrace.contracts.large_values import VALUE_BYTES_MAX, VALUE_MEDIA_TYPE, StoredValue
from headrace.contracts.patterns import WORD_PATTERN
from headrace.errors import TooLarge
from headrace.file_errors import ObjectMissing, ObjectsUnavailable
from headrace.log import clock
from headrace.objects import Objects, Written
from headrace.sdk.files import CHUNK_BYTES, FileMissing, FileStoreUnavailable, FileTooLarge

TRIES_MAX = 4  # of one request that fails at once; a request that hangs is ended by the attempt's own timeout
TRY_SECONDS = 0.25  # before the second try, at most; each wait may be twice as long as the one before
RECORD_BYTES_MAX = 64 << 10  # of the record of a file, which has a name and some numbers
REMOVE_SECONDS = 5.0  # to take back what was written in part; the sweep finds the rest

Source = Callable[[], AsyncIterator[bytes]]

_is_id = re.compile(WORD_PATTERN).match
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(FileRecord).decode

T = TypeVar("T")


class FileStore:
    """Reads and writes files in object storage.

    Args:
        objects: Where they are.
        file_bytes_max: The size of the largest file.
    """

    def __init__(self, objects: Objects, file_bytes_max: int) -> None:
        self._objects = objects
        self._file_bytes_max = file_bytes_max

    async def find(self, owner: str, file: str) -> FileRecord:
        """Return the record of a file.

        Raises:
            FileMissing: The owner has no such file.
            FileStoreUnavailable: The storage does not answer.
        """
        if not _is_id(file):
            raise FileMissing(f"{file[:80]!r} is no id of a file")
        try:
            return _decode(await _again(lambda: self._read_whole(record_key(owner, file), RECORD_BYTES_MAX)))
        except ObjectMissing:
            raise FileMissing(f"there is no file {file!r}; it may have been deleted") from None
        except msgspec.MsgspecError as error:
            raise FileStoreUnavailable(f"what the storage has beside file {file!r} cannot be read") from error

    async def chunks(self, record: FileRecord) -> AsyncGenerator[bytes]:
        """Read a file, going on where a connection broke off.

        Raises:
            FileMissing: It is gone.
            FileStoreUnavailable: The storage does not answer, or has other bytes than were saved.
        """
        position, tries, digest = 0, 0, hashlib.sha256()
        while position < record.size:
            try:
                async for chunk in self._chunks_from(record, position):
                    position, tries = position + len(chunk), 0
                    digest.update(chunk)
                    yield chunk
            except ObjectMissing:
                raise FileMissing(f"file {record.id!r} has been deleted") from None
            except ObjectsUnavailable as error:
                tries += 1
                if tries == TRIES_MAX:
                    raise FileStoreUnavailable from error
                await asyncio.sleep(_wait(tries))
        if digest.hexdigest() != record.sha256:
            raise FileStoreUnavailable(f"what the storage has of file {record.id!r} is not what was saved")

    async def _chunks_from(self, record: FileRecord, start: int) -> AsyncGenerator[bytes]:
        """Read the bytes of a file from ``start`` on.

        Raises:
            ObjectMissing: It is gone.
            ObjectsUnavailable: The storage does not answer, or breaks off.
        """
        left = record.size - start
        async with aclosing(self._objects.read(content_key(record.owner, record.id), start)) as found:
            async for chunk in found:
                left -= len(chunk)
                yield chunk
        if left > 0:
            raise ObjectsUnavailable("the storage of files has broken off")

    async def write(self, record: FileRecord, source: Source, *, is_repeatable: bool) -> FileRecord:
        """Write a file: its bytes first, then its record, so that who finds the record finds the bytes.

        Args:
            record: The file, without its size and its SHA-256.
            source: Begins to read its bytes.
            is_repeatable: Whether they can be read once more.

        Returns:
            The file, as it is then in the storage.

        Raises:
            FileTooLarge: It is larger than the settings allow.
            FileStoreUnavailable: The storage does not take it. What it has of it is removed as far as possible.
        """
        try:
            written = await _again(lambda: self._write(record, source()), TRIES_MAX if is_repeatable else 1)
            whole = msgspec.structs.replace(record, size=written.size, sha256=written.sha256)
            await _again(lambda: self._write_record(whole))
        except TooLarge as error:
            raise FileTooLarge(error.message) from error
        except FileStoreUnavailable:
            await self.remove(record.owner, record.id)
            raise
        return whole

    async def write_bytes(self, record: FileRecord, whole: bytes) -> FileRecord:
        """Write a small file that no handler opens, so that it needs no record.

        Raises:
            FileStoreUnavailable: The storage does not take it.
        """
        written = await _again(lambda: self._write(record, read_bytes(whole)))
        return msgspec.structs.replace(record, size=written.size, sha256=written.sha256)

    async def read_bytes(self, owner: str, file: str, bytes_max: int) -> bytes:
        """Read a small file that was written without a record; empty when there is none.

        Raises:
            FileStoreUnavailable: The storage does not answer.
        """
        try:
            return await _again(lambda: self._read_whole(content_key(owner, file), bytes_max))
        except ObjectMissing:
            return b""

    async def read_value(self, owner: str, value: StoredValue) -> bytes:
        """Read an input that an event refers to.

        Raises:
            FileMissing: It is gone.
            FileStoreUnavailable: The storage does not answer, or has other bytes than were written.
        """
        if value.size > VALUE_BYTES_MAX:
            raise FileStoreUnavailable(f"value {value.file!r} is larger than it can be")
        record = FileRecord(
            id=value.file,
            owner=owner,
            name=value.file,
            media_type=VALUE_MEDIA_TYPE,
            size=value.size,
            sha256=value.sha256,
            created_at=clock.now(),
        )
        async with aclosing(self.chunks(record)) as chunks:
            return b"".join([chunk async for chunk in chunks])

    async def remove(self, owner: str, file: str) -> None:
        """Remove a file, as far as that is possible now."""
        with suppress(ObjectsUnavailable, TimeoutError):
            async with asyncio.timeout(REMOVE_SECONDS):
                await self._objects.remove(record_key(owner, file), content_key(owner, file))

    async def _write(self, record: FileRecord, source: AsyncIterator[bytes]) -> Written:
        return await self._objects.write(
            content_key(record.owner, record.id),
            source,
            size_max=self._file_bytes_max,
            attributes={"Content-Type": record.media_type},
        )

    async def _write_record(self, record: FileRecord) -> Written:
        source, key = _once(_encode(record)), record_key(record.owner, record.id)
        return await self._objects.write(key, source, size_max=RECORD_BYTES_MAX)

    async def _read_whole(self, key: str, bytes_max: int) -> bytes:
        whole = bytearray()
        async with aclosing(self._objects.read(key)) as found:
            async for chunk in found:
                whole += chunk
                if len(whole) > bytes_max:
                    raise ObjectsUnavailable(f"object {key} is larger than it can be")
        return bytes(whole)


async def read_path(path: Path) -> AsyncIterator[bytes]:
    """Read a file of this machine, in chunks, without holding up the event loop.

    Raises:
        OSError: It cannot be read.
    """
    opened = await asyncio.to_thread(path.open, "rb")
    try:
        while chunk := await asyncio.to_thread(opened.read, CHUNK_BYTES):
            yield chunk
    finally:
        opened.close()


async def read_bytes(whole: bytes) -> AsyncIterator[bytes]:
    """Yield bytes in chunks."""
    for start in range(0, len(whole), CHUNK_BYTES):
        yield whole[start : start + CHUNK_BYTES]


async def _once(whole: bytes) -> AsyncIterator[bytes]:
    yield whole


async def _again(request: Callable[[], Awaitable[T]], tries_max: int = TRIES_MAX) -> T:
    """Make a request, and make it again when it fails.

    Raises:
        FileStoreUnavailable: It has failed each time.
    """
    for tries in range(1, tries_max):
        try:
            return await request()
        except ObjectsUnavailable:
            await asyncio.sleep(_wait(tries))
    try:
        return await request()
    except ObjectsUnavailable as error:
        raise FileStoreUnavailable from error


def _wait(tries: int) -> float:
    """Return how long to wait before another try: at random, so that tasks that failed together do not come back together."""
    return random.random() * TRY_SECONDS * 2.0 ** (tries - 1)  # noqa: S311 - spreads load, hides nothing
