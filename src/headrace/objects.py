"""Object storage: S3 and what is like it, GCS, Azure, or a directory of this machine.

An object is there as a whole or not at all, whatever happens to the process that writes it. Nothing here holds an object in memory:
what is written and read passes in chunks, whose size bounds what a transfer takes.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal, NamedTuple

import obstore
from obstore.store import LocalStore

from headrace.errors import TooLarge
from headrace.file_errors import ObjectMissing
from headrace.object_stores import AnyStore, SigningStore, as_unavailable, open_store, remove_unfinished
from headrace.settings.object_storage import ObjectsSettings

READ_BYTES = 1 << 20  # of a chunk that is read
LOCAL_PART_BYTES = 512 << 10  # of a chunk that is written to a directory
PART_BYTES = 8 << 20  # of a chunk that is written elsewhere; S3 takes 10,000 of them in one object: 80 GB
PARTS_AT_A_TIME = 2
LIST_CHUNK = 500

Method = Literal["GET", "PUT"]


class ObjectInfo(NamedTuple):
    """What is known of an object without reading it. ``size`` is in bytes."""

    key: str
    size: int
    modified_at: datetime


class Written(NamedTuple):
    """What has been written: ``size`` in bytes, ``sha256`` in hexadecimal, and its first bytes, which say what it is."""

    size: int
    sha256: str
    head: bytes


class Objects:
    """The objects of an installation.

    Args:
        store: Reads and writes.
        signer: Signs URLs for browsers, which may reach the same store by another address; None when the store can sign none.
    """

    def __init__(self, store: AnyStore, signer: SigningStore | None) -> None:
        self._store = store
        self._signer = signer

    @property
    def is_local(self) -> bool:
        """Whether it is a directory, which cannot sign URLs."""
        return self._signer is None

    async def write(
        self, key: str, source: AsyncIterator[bytes], *, size_max: int, attributes: Mapping[str, str] | None = None
    ) -> Written:
        """Write an object from chunks; nothing is left of it when they end early or are too many.

        Args:
            key: Its key. What was there before is replaced at the end.
            source: Its bytes.
            size_max: How many there may be.
            attributes: ``Content-Type``, ``Content-Disposition`` and ``Cache-Control`` that the store answers with.

        Raises:
            TooLarge: There are more bytes.
            ObjectsUnavailable: The store does not take them.
            Exception: What ``source`` has raised.
        """
        counted = _Counted(source, size_max)
        try:
            with as_unavailable(key):
                await obstore.put_async(
                    self._store,
                    key,
                    counted,
                    attributes=None if self.is_local or attributes is None else dict(attributes),
                    use_multipart=True,
                    chunk_size=LOCAL_PART_BYTES if self.is_local else PART_BYTES,
                    max_concurrency=PARTS_AT_A_TIME,
                )
        except Exception:
            # What the source has raised reaches us as text, and is nothing that the store says.
            if counted.error is not None:
                raise counted.error from None
            raise
        return Written(counted.size, counted.sha256.hexdigest(), counted.head)

    async def read(self, key: str, start: int = 0, end: int | None = None) -> AsyncGenerator[bytes]:
        """Read an object, or its bytes from ``start`` to before ``end``, in chunks of about a megabyte.

        Raises:
            ObjectMissing: There is none.
            ObjectsUnavailable: The store does not answer.
        """
        if self.is_local:
            async for chunk in self._read_file(key, start, end):
                yield chunk
            return
        wanted: Any = None if end is None and start == 0 else ({"offset": start} if end is None else (start, end))
        with as_unavailable(key):
            found = await obstore.get_async(self._store, key, options={"range": wanted} if wanted is not None else None)
            async for chunk in found.stream(min_chunk_size=READ_BYTES):
                yield bytes(chunk)

    async def _read_file(self, key: str, start: int, end: int | None) -> AsyncIterator[bytes]:
        # A stream of a directory comes in pieces of 8 KB, each from a thread of its own accord, which takes ten times as long.
        with as_unavailable(key):
            size = (await obstore.head_async(self._store, key))["size"]
            end = size if end is None else min(end, size)
            while start < end:
                until = min(start + READ_BYTES, end)
                yield bytes(await obstore.get_range_async(self._store, key, start=start, end=until))
                start = until

    async def find(self, key: str) -> ObjectInfo | None:
        """Look whether there is an object.

        Raises:
            ObjectsUnavailable: The store does not answer.
        """
        try:
            with as_unavailable(key):
                found = await obstore.head_async(self._store, key)
        except ObjectMissing:
            return None
        return ObjectInfo(found["path"], found["size"], found["last_modified"])

    async def list(self, prefix: str) -> AsyncIterator[ObjectInfo]:
        """Yield the objects whose keys begin with a prefix, which ends with a whole part of a key.

        Raises:
            ObjectsUnavailable: The store does not answer.
        """
        with as_unavailable(prefix):
            async for chunk in obstore.list(self._store, prefix, chunk_size=LIST_CHUNK):
                for found in chunk:
                    yield ObjectInfo(found["path"], found["size"], found["last_modified"])

    async def move(self, key: str, to: str) -> None:
        """Give an object of a directory another key, at once; elsewhere that would be a copy.

        Raises:
            ObjectMissing: There is none.
            ObjectsUnavailable: The store does not do it.
        """
        with as_unavailable(key):
            await obstore.rename_async(self._store, key, to)

    async def remove(self, *keys: str) -> None:
        """Remove objects; those that are not there are as good as removed.

        Raises:
            ObjectsUnavailable: The store does not do it.
        """
        for key in keys:
            try:
                with as_unavailable(key):
                    await obstore.delete_async(self._store, key)
            except ObjectMissing:
                continue

    async def remove_unfinished(self, before: datetime, *, only_count: bool = False) -> int:
        """Remove what processes have left behind in a directory that died while they wrote; returns how much that was.

        Buckets have rules of their own for uploads that were not completed.

        Args:
            before: What was written later stays; somebody may write it still.
            only_count: Whether to remove nothing.
        """
        if not isinstance(self._store, LocalStore) or self._store.prefix is None:
            return 0
        return await asyncio.to_thread(remove_unfinished, Path(self._store.prefix), before, only_count=only_count)

    async def sign(self, method: Method, key: str, seconds: float) -> str | None:
        """Return a URL with which a browser may read or write one object for a while; None for a directory.

        Raises:
            ObjectsUnavailable: There are no credentials to sign with.
        """
        if self._signer is None:
            return None
        with as_unavailable(key):
            return await obstore.sign_async(self._signer, method, key, timedelta(seconds=seconds))


async def measure(source: AsyncIterator[bytes]) -> Written:
    """Read chunks to their end, and return what writing them would have."""
    counted = _Counted(source, sys.maxsize)
    async for _ in counted:
        pass
    return Written(counted.size, counted.sha256.hexdigest(), counted.head)


def open_objects(settings: ObjectsSettings) -> Objects | None:
    """Return the object storage of an installation; None when it has none. Nothing is asked of it yet.

    Raises:
        ObjectsUnavailable: The directory cannot be made.
    """
    found = open_store(settings)
    return None if found is None else Objects(found.store, found.signer)


class _Counted:
    """Chunks on their way: counted, hashed, and ended when they are too many."""

    def __init__(self, source: AsyncIterator[bytes], size_max: int) -> None:
        self._source = source
        self._size_max = size_max
        self.sha256 = hashlib.sha256()
        self.size = 0
        self.head = b""
        self.error: Exception | None = None
        self._hashing: asyncio.Future[None] | None = None

    def __aiter__(self) -> _Counted:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._gather()
        except StopAsyncIteration:
            await self._hashed()
            raise
        except Exception as error:
            self.error = error
            raise
        if len(self.head) < HEAD_BYTES:
            self.head = (self.head + chunk[:HEAD_BYTES])[:HEAD_BYTES]
        await self._hashed()
        if len(chunk) < INLINE_BYTES:
            self.sha256.update(chunk)
        else:
            # While this chunk is hashed, it is written, and the next one is read.
            self._hashing = asyncio.get_running_loop().run_in_executor(None, self.sha256.update, chunk)
        return chunk

    async def _hashed(self) -> None:
        """Wait until the previous chunk is hashed."""
        if self._hashing is not None:
            await self._hashing
            self._hashing = None

    async def _gather(self) -> bytes:
        """Return several chunks of the source as one, because each that is handed on costs a turn of two event loops and of a thread."""
        parts, size = list[bytes](), 0
        while size < GATHERED_BYTES and (chunk := await anext(self._source, None)) is not None:
            size += len(chunk)
            if self.size + size > self._size_max:
                raise TooLarge(f"a file may have {self._size_max:,} bytes at most")
            parts.append(chunk)
        if not parts:
            raise StopAsyncIteration
        self.size += size
        return parts[0] if len(parts) == 1 else b"".join(parts)


GATHERED_BYTES = LOCAL_PART_BYTES  # of chunks that are hashed and written together
HEAD_BYTES = 8192  # of which the type of a file is known
INLINE_BYTES = 256 << 10  # a thread takes longer to be told of less
