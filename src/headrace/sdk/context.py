"""What a handler is given besides its input. Part of the SDK; import from `headrace.task`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Protocol

if TYPE_CHECKING:
    from headrace.contracts.files import FileRecord
    from headrace.sdk.files import OpenFile, Source, SyncOpenFile, SyncSource

LogLevel = Literal["debug", "info", "warning", "error"]


class Context(Protocol):
    """What an ``async`` handler is given besides its input."""

    @property
    def task_id(self) -> str:
        """The task's id. It is the same on every attempt and redelivery, so it is the key for outside effects."""
        ...

    @property
    def attempt(self) -> int:
        """Which attempt this is, from 1."""
        ...

    async def progress(self, fraction: float, message: str | None = None) -> None:
        """Say how far the task is: ``fraction`` from 0 to 1. Call it as often as you like; at most 4 a second are sent."""
        ...

    async def log(self, message: str, level: LogLevel = "info") -> None:
        """Write a line that people following the task see."""
        ...

    async def emit(self, chunk: object) -> None:
        """Stream a piece of output (any JSON value) to people following the task, in order."""
        ...

    async def open(self, file: str) -> OpenFile:
        """Open a file that the input names; what is read of it is checked against its SHA-256.

        Raises:
            FileMissing: there is no such file of the owner of the task.
            FileStoreUnavailable: the storage of files does not answer; unless it is caught, the task is tried again.
            NoFileStore: the installation keeps no files.
        """
        ...

    async def save(self, name: str, source: Source, media_type: str) -> FileRecord:
        """Save a file beside the task. Whoever follows the task is told when it is there as a whole; it is never there in part.

        A task has one file of a name: saving again, also in a later attempt, takes the place of the one before.

        Args:
            name: What it is called, such as ``report.html``.
            source: Its bytes; a path; or chunks as they come, of which none are kept in memory.
            media_type: What it is, such as ``text/html; charset=utf-8``.

        Raises:
            FileTooLarge: it is larger than the installation takes.
            FileStoreUnavailable: the storage of files does not take it; unless it is caught, the task is tried again.
            NoFileStore: the installation keeps no files.
            OSError: the path cannot be read.
            TypeError: an argument is of another type.
            ValueError: the name or the media type is none.
        """
        ...


class SyncContext(Protocol):
    """What a plain-function handler is given: `Context` without ``await``, safe to use from its thread."""

    @property
    def task_id(self) -> str:
        """See `Context.task_id`."""
        ...

    @property
    def attempt(self) -> int:
        """See `Context.attempt`."""
        ...

    @property
    def cancelled(self) -> bool:
        """Whether the task was cancelled. A handler that loops reads this now and then, and returns when it is true."""
        ...

    def progress(self, fraction: float, message: str | None = None) -> None:
        """See `Context.progress`."""
        ...

    def log(self, message: str, level: LogLevel = "info") -> None:
        """See `Context.log`."""
        ...

    def emit(self, chunk: object) -> None:
        """See `Context.emit`."""
        ...

    def open(self, file: str) -> SyncOpenFile:
        """See `Context.open`."""
        ...

    def save(self, name: str, source: SyncSource, media_type: str) -> FileRecord:
        """See `Context.save`."""
        ...
