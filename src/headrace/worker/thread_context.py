"""The context of a plain function that runs in a thread of the worker."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import uuid_utils

from headrace.contracts.files import FileRecord
from headrace.sdk.context import LogLevel
from headrace.sdk.files import SyncOpenFile, SyncSource, checked_media_type, checked_name
from headrace.sdk.local_files import LocalFile, write_source
from headrace.sdk.said import to_json, to_level, to_text
from headrace.worker.context import ExecutionContext, checked_progress
from headrace.worker.text import LINE_CHARS_MAX, legible

SYNC_TIMEOUT_SECONDS = 60.0  # how long a thread waits for the event loop to take what it emits

T = TypeVar("T")


class ThreadContext:
    """A `headrace.task.SyncContext` for a handler in a thread.

    Args:
        context: The context on the event loop.
        loop: The event loop.
    """

    def __init__(self, context: ExecutionContext, loop: asyncio.AbstractEventLoop) -> None:
        self._context = context
        self._loop = loop

    @property
    def task_id(self) -> str:
        """See `headrace.task.Context.task_id`."""
        return self._context.task_id

    @property
    def attempt(self) -> int:
        """See `headrace.task.Context.attempt`."""
        return self._context.attempt

    @property
    def cancelled(self) -> bool:
        """See `headrace.task.SyncContext.cancelled`."""
        return self._context.cancelled

    def progress(self, fraction: float, message: str | None = None) -> None:
        """See `headrace.task.Context.progress`.

        Raises:
            TypeError: ``fraction`` is no number, or ``message`` no str.
            ValueError: ``fraction`` is not from 0 to 1.
        """
        # What is wrong is raised here, in the thread of the handler.
        self._loop.call_soon_threadsafe(self._context.offer_progress, *checked_progress(fraction, message))

    def log(self, message: str, level: LogLevel = "info") -> None:
        """See `headrace.task.Context.log`.

        Raises:
            TypeError: ``message`` is no str.
            ValueError: there is no such ``level``.
        """
        self._wait_for(self._context.log(legible(to_text(message), LINE_CHARS_MAX), to_level(level)))

    def emit(self, chunk: object) -> None:
        """See `headrace.task.Context.emit`.

        Raises:
            TypeError: ``chunk`` has no JSON form.
            ValueError: ``chunk`` has more than 256 KB.
        """
        # The code of the chunk runs in the thread of the handler, not on the event loop of all.
        self._wait_for(self._context.emit_json(to_json(chunk)))

    def open(self, file: str) -> SyncOpenFile:
        """See `headrace.task.Context.open`."""
        record = self._wait_for(self._context.files.find(file), None)
        return LocalFile(record, lambda: self._wait_for(self._context.files.fetch(record), None))

    def save(self, name: str, source: SyncSource, media_type: str) -> FileRecord:
        """See `headrace.task.Context.save`."""
        files, checked, of_type = self._context.files, checked_name(name), checked_media_type(media_type)
        if isinstance(source, bytes):
            return self._wait_for(files.save(checked, source, of_type), None)
        # The chunks come in this thread, so they are written here.
        own = files.directory / str(uuid_utils.uuid7())
        try:
            return self._wait_for(files.save(checked, write_source(source, own), of_type), None)
        finally:
            own.unlink(missing_ok=True)

    def _wait_for(self, said: Coroutine[Any, Any, T], seconds: float | None = SYNC_TIMEOUT_SECONDS) -> T:
        """Wait for something on the event loop. What has to do with files ends with the attempt, and needs no other limit."""
        return asyncio.run_coroutine_threadsafe(said, self._loop).result(seconds)
