"""Contexts that record what a handler says."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from headrace.contracts.files import FileRecord
from headrace.sdk.context import LogLevel
from headrace.sdk.files import OpenFile, Source, SyncOpenFile, SyncSource
from headrace.sdk.local_files import LocalFile, checked_chunk
from headrace.sdk.said import to_fraction, to_json, to_level, to_text
from headrace.testing.files import RecordedFiles


class _AsyncFile:
    """A `headrace.task.OpenFile` of a test."""

    def __init__(self, opened: LocalFile) -> None:
        self.id = opened.id
        self.name = opened.name
        self.media_type = opened.media_type
        self.size = opened.size
        self.sha256 = opened.sha256
        self._opened = opened

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self._opened:
            yield chunk

    async def read(self) -> bytes:
        return self._opened.read()

    async def path(self) -> Path:
        return self._opened.path()


@dataclass
class _Recorded:
    task_id: str = "task"
    attempt: int = 1
    progressed: list[tuple[float, str | None]] = field(default_factory=list[tuple[float, str | None]])
    logged: list[tuple[LogLevel, str]] = field(default_factory=list[tuple[LogLevel, str]])
    emitted: list[object] = field(default_factory=list[object])
    files: RecordedFiles = field(default_factory=RecordedFiles)


@dataclass
class RecordingSyncContext(_Recorded):
    """A `headrace.task.SyncContext` that records what the handler says. It is as strict as a real one."""

    cancelled: bool = False

    def progress(self, fraction: float, message: str | None = None) -> None:
        """Record progress.

        Raises:
            TypeError: ``fraction`` is no number, or ``message`` no str.
            ValueError: ``fraction`` is not from 0 to 1.
        """
        self.progressed.append((to_fraction(fraction), None if message is None else to_text(message)))

    def log(self, message: str, level: LogLevel = "info") -> None:
        """Record a line.

        Raises:
            TypeError: ``message`` is no str.
            ValueError: there is no such ``level``.
        """
        self.logged.append((to_level(level), to_text(message)))

    def emit(self, chunk: object) -> None:
        """Record a chunk.

        Raises:
            TypeError: ``chunk`` has no JSON form.
        """
        to_json(chunk)
        self.emitted.append(chunk)

    def open(self, file: str) -> SyncOpenFile:
        """Open a file of `RecordedFiles`.

        Raises:
            FileMissing: No such file was added.
        """
        return self.files.open(file)

    def save(self, name: str, source: SyncSource, media_type: str) -> FileRecord:
        """Save a file in `RecordedFiles`.

        Raises:
            TypeError: an argument is of another type.
            ValueError: the name or the media type is none.
        """
        return self.files.save(name, source, media_type, self.task_id)


@dataclass
class RecordingContext(_Recorded):
    """A `headrace.task.Context` that records what the handler says. It is as strict as a real one."""

    def __post_init__(self) -> None:
        self._sync = RecordingSyncContext(
            self.task_id, self.attempt, self.progressed, self.logged, self.emitted, self.files
        )

    async def progress(self, fraction: float, message: str | None = None) -> None:
        """Record progress.

        Raises:
            TypeError: ``fraction`` is no number, or ``message`` no str.
            ValueError: ``fraction`` is not from 0 to 1.
        """
        self._sync.progress(fraction, message)

    async def log(self, message: str, level: LogLevel = "info") -> None:
        """Record a line.

        Raises:
            TypeError: ``message`` is no str.
            ValueError: there is no such ``level``.
        """
        self._sync.log(message, level)

    async def emit(self, chunk: object) -> None:
        """Record a chunk.

        Raises:
            TypeError: ``chunk`` has no JSON form.
        """
        self._sync.emit(chunk)

    async def open(self, file: str) -> OpenFile:
        """Open a file of `RecordedFiles`.

        Raises:
            FileMissing: No such file was added.
        """
        return _AsyncFile(self.files.open(file))

    async def save(self, name: str, source: Source, media_type: str) -> FileRecord:
        """Save a file in `RecordedFiles`.

        Raises:
            TypeError: an argument is of another type.
            ValueError: the name or the media type is none.
        """
        if not isinstance(source, AsyncIterable):
            return self._sync.save(name, source, media_type)
        path = self.files.new_path()
        with path.open("xb") as opened:
            async for chunk in source:
                opened.write(checked_chunk(chunk))
        return self._sync.save(name, path, media_type)
