"""A file that an async handler has opened."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Coroutine
from pathlib import Path
from typing import Any, Protocol, TypeVar

from headrace.contracts.files import FileRecord
from headrace.sdk.files import check_readable_at_once
from headrace.worker.attempt_files import AttemptFiles

T = TypeVar("T")


class OnOwnLoop(Protocol):
    """Awaits something on the event loop of the worker, whichever loop asks."""

    async def __call__(self, asked: Coroutine[Any, Any, T], /) -> T: ...


class StoredFile:
    """A `headrace.task.OpenFile` in the storage.

    Args:
        record: The file.
        files: Reads it.
        on_own_loop: Awaits something on the event loop of the worker.
    """

    def __init__(self, record: FileRecord, files: AttemptFiles, on_own_loop: OnOwnLoop) -> None:
        self.id = record.id
        self.name = record.name
        self.media_type = record.media_type
        self.size = record.size
        self.sha256 = record.sha256
        self._record = record
        self._files = files
        self._on_own_loop = on_own_loop

    async def __aiter__(self) -> AsyncGenerator[bytes]:
        chunks = self._files.chunks(self._record)
        try:
            while (chunk := await self._on_own_loop(_next(chunks))) is not None:
                yield chunk
        finally:
            await self._on_own_loop(_close(chunks))

    async def read(self) -> bytes:
        """See `headrace.task.OpenFile.read`.

        Raises:
            FileTooLarge: It is larger than 16 MB.
        """
        check_readable_at_once(self.size)
        return b"".join([chunk async for chunk in self])

    async def path(self) -> Path:
        """See `headrace.task.OpenFile.path`."""
        return await self._on_own_loop(self._files.fetch(self._record))


async def _next(chunks: AsyncGenerator[bytes]) -> bytes | None:
    return await anext(chunks, None)


async def _close(chunks: AsyncGenerator[bytes]) -> None:
    await chunks.aclose()
