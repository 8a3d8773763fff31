"""The files of one attempt: what its handler opens and saves, and their local copies, which go with the attempt."""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import time
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager
from pathlib import Path
from typing import Any, TypeVar

import uuid_utils

from headrace.contracts.events import EventName, Stored
from headrace.contracts.files import FileRecord, content_key
from headrace.contracts.kept_output import KEPT_FILE_BYTES_MAX, KEPT_MEDIA_TYPE, kept_id
from headrace.contracts.large_values import VALUE_MEDIA_TYPE, VALUE_NAMES, StoredValue, describe_value
from headrace.contracts.tasks import FileRole
from headrace.log import clock
from headrace.sdk.files import (
    FileStoreUnavailable,
    NoFileStore,
    Source,
    checked_media_type,
    checked_name,
)
from headrace.sdk.local_files import checked_chunk, local_name
from headrace.worker import file_store
from headrace.worker.event_writer import EventWriter
from headrace.worker.execution import Execution
from headrace.worker.file_store import FileStore
from headrace.worker.scratch import Scratch

MARGIN_SECONDS = 1.0  # before the timeout of an attempt, so that it fails by what is to blame and not by its timeout
MARGIN_SHARE = 0.1  # likewise, of the time that is left
NO_SHA256 = "0" * 64  # of a file that is being written

T = TypeVar("T")


class AttemptFiles:
    """Opens and saves files for a handler. All of it runs on the event loop of the worker.

    Args:
        execution: The execution.
        events: Appends that a file was stored.
        store: Where the files are; None when the settings name no store.
        scratch: Where the local copies are.
    """

    def __init__(self, execution: Execution, events: EventWriter, store: FileStore | None, scratch: Scratch) -> None:
        self._scratch = scratch
        self._directory: Path | None = None
        self._execution = execution
        self._events = events
        self._given_store = store
        self._copies: dict[str, asyncio.Task[Path]] = {}
        self._going_on: set[asyncio.Task[Any]] = set()
        self._closed = False

    @property
    def directory(self) -> Path:
        """The directory of the local copies, which is made when it is needed."""
        if self._directory is None:
            self._directory = self._scratch.new_directory()
        return self._directory

    async def find(self, file: object) -> FileRecord:
        """Return a file of the owner of the task. Raises as `headrace.task.Context.open`."""
        if not isinstance(file, str):
            raise TypeError(f"a file is opened by its id, not by {type(file).__name__}")
        return await self._until_closed(self._find(file))

    async def chunks(self, record: FileRecord) -> AsyncGenerator[bytes]:
        """Read a file in chunks.

        Raises:
            FileMissing: It is gone.
            FileStoreUnavailable: The storage does not answer.
        """
        async with aclosing(self._store.chunks(record)) as found:
            while True:
                async with self._in_time():
                    chunk = await anext(found, None)
                if chunk is None:
                    return
                yield chunk

    async def fetch(self, record: FileRecord) -> Path:
        """Return a local copy of a file, which is made once. Raises as `chunks`, and OSError when the disk has no room."""
        copying = self._copies.get(record.id)
        if copying is None or (copying.done() and (copying.cancelled() or copying.exception())):
            copying = self._copies[record.id] = self._begin(self._copy(record))
        return await asyncio.shield(copying)

    async def save(self, name: object, source: Source, media_type: object) -> FileRecord:
        """Save a file and append that it is there. Raises as `headrace.task.Context.save`."""
        _check_source(source)
        record = self._new_record(str(uuid_utils.uuid7()), checked_name(name), checked_media_type(media_type))
        return await self._until_closed(self._save(record, source))

    async def keep(self, role: FileRole, name: str, whole: bytes) -> None:
        """Write what the worker itself keeps of the attempt, and append that without waiting for the log.

        Raises:
            FileStoreUnavailable: The storage does not take it.
            LogUnavailable: There is no connection to the log.
        """
        record = self._new_record(kept_id(self._execution.subject.task, role), name, KEPT_MEDIA_TYPE)
        written = await self._store.write_bytes(record, whole)
        await self._events.append_nowait(self._execution, EventName.STORED, self._stored(written, role))

    async def read_kept(self, role: FileRole) -> bytes:
        """Return what an earlier attempt has kept; empty when there is nothing.

        Raises:
            FileStoreUnavailable: The storage does not answer.
        """
        subject = self._execution.subject
        return await self._store.read_bytes(subject.owner, kept_id(subject.task, role), KEPT_FILE_BYTES_MAX)

    async def keep_result(self, whole: bytes) -> StoredValue:
        """Write a result that is too large for an event, and return what its event refers to.

        Raises:
            FileStoreUnavailable: The storage does not take it.
            FileTooLarge: It is larger than the settings allow.
        """
        subject = self._execution.subject
        sha256 = (await asyncio.to_thread(hashlib.sha256, whole)).hexdigest()
        value = describe_value(subject.owner, subject.task, FileRole.RESULT, len(whole), sha256)
        record = self._new_record(value.file, VALUE_NAMES[FileRole.RESULT], VALUE_MEDIA_TYPE)
        await self._store.write_bytes(record, whole)
        return value

    @property
    def has_store(self) -> bool:
        """Whether the installation keeps files."""
        return self._given_store is not None

    async def close(self) -> None:
        """End what still goes on, and remove the local copies."""
        self._closed = True
        for each in self._going_on:
            each.cancel()
        if self._going_on:
            await asyncio.wait(self._going_on)
        if self._directory is not None and self._directory.exists():
            await asyncio.to_thread(shutil.rmtree, self._directory, ignore_errors=True)

    @property
    def _store(self) -> FileStore:
        if self._given_store is None:
            raise NoFileStore("this installation keeps no files; set HEADRACE_OBJECTS_URL for its workers and its API")
        return self._given_store

    async def _find(self, file: str) -> FileRecord:
        async with self._in_time():
            return await self._store.find(self._execution.subject.owner, file)

    async def _copy(self, record: FileRecord) -> Path:
        path = self.directory / local_name(record.id, record.name)
        unfinished = path.with_name(f"{record.id}.part")
        await asyncio.to_thread(self.directory.mkdir, mode=0o700, parents=True, exist_ok=True)
        with await asyncio.to_thread(unfinished.open, "wb") as opened:
            async with aclosing(self.chunks(record)) as found:
                async for chunk in found:
                    await asyncio.to_thread(opened.write, chunk)
        return unfinished.replace(path)

    async def _save(self, record: FileRecord, source: Source) -> FileRecord:
        async with self._in_time():
            is_repeatable = not isinstance(source, AsyncIterable)
            written = await self._store.write(record, lambda: _chunks_of(source), is_repeatable=is_repeatable)
        await self._events.append(self._execution, EventName.STORED, self._stored(written))
        return written

    def _new_record(self, file: str, name: str, media_type: str) -> FileRecord:
        return FileRecord(
            id=file,
            owner=self._execution.subject.owner,
            name=name,
            media_type=media_type,
            size=0,
            sha256=NO_SHA256,
            created_at=clock.now(),
            task=self._execution.subject.task,
        )

    def _stored(self, record: FileRecord, role: FileRole | None = None) -> Stored:
        return Stored(
            attempt=self._execution.queued.attempt,
            file=record.id,
            key=content_key(record.owner, record.id),
            name=record.name,
            size=record.size,
            media_type=record.media_type,
            checksum=record.sha256,
            role=role,
        )

    async def _until_closed(self, asked: Coroutine[Any, Any, T]) -> T:
        """Await something that ends with the attempt, also when the handler has left it behind."""
        going_on = self._begin(asked)
        try:
            return await asyncio.shield(going_on)
        except asyncio.CancelledError:
            going_on.cancel()
            # Nothing that was cancelled may append that a file is there after whoever asked for it has gone on.
            await asyncio.wait({going_on})
            raise

    def _begin(self, asked: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        if self._closed:
            asked.close()
            raise RuntimeError("the task has ended; it can neither read nor write files any more")
        going_on = asyncio.create_task(asked, name="files")
        self._going_on.add(going_on)
        going_on.add_done_callback(self._end)
        return going_on

    def _end(self, ended: asyncio.Task[Any]) -> None:
        self._going_on.discard(ended)
        # Whoever asked may be gone; asyncio warns of an exception that is never retrieved.
        _ = ended.cancelled() or ended.exception()

    @asynccontextmanager
    async def _in_time(self) -> AsyncGenerator[None]:
        """Let the storage take what time the attempt has left, but for a moment.

        Raises:
            FileStoreUnavailable: That time is over.
        """
        deadline = self._execution.deadline
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        within = None if left is None else left - min(MARGIN_SECONDS, left * MARGIN_SHARE)
        timeout = asyncio.timeout(within)
        try:
            async with timeout:
                yield
        except TimeoutError as error:
            if not timeout.expired():
                raise
            raise FileStoreUnavailable("the storage of files did not answer within the timeout of the task") from error


def _chunks_of(source: Source) -> AsyncIterator[bytes]:
    match source:
        case bytes():
            return file_store.read_bytes(source)
        case Path():
            return file_store.read_path(source)
        case _:
            return _checked(source)


async def _checked(source: AsyncIterable[object]) -> AsyncIterator[bytes]:
    async for chunk in source:
        yield checked_chunk(chunk)


def _check_source(source: object) -> None:
    """Refuse what cannot be saved.

    Raises:
        TypeError: It is something else than bytes, a path, or asynchronous chunks.
    """
    if not isinstance(source, bytes | Path | AsyncIterable):
        raise TypeError(f"save bytes, a Path, or asynchronous chunks of bytes, not {type(source).__name__}")
