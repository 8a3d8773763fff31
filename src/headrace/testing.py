"""Contexts that record what a handler says, to test it without any server.

context = RecordingContext()
result = await word_count(WordCount(text="one two"), context)
assert result.words == 2
assert context.progressed == [(0.5, "counting")]

Files are in a temporary directory, which goes with the context:

photo = context.files.add("cat.jpeg", Path("cat.jpeg"), "image/jpeg")
await thumbnail(Thumbnail(photo=photo), context)
assert context.files.read("small.jpeg").startswith(JPEG)
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import uuid
import weakref
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from headrace.contracts.files import FileRecord
from headrace.sdk.context import LogLevel
from headrace.sdk.files import FileMissing, OpenFile, Source, SyncOpenFile, SyncSource, checked_media_type, checked_name
from headrace.sdk.local_files import LocalFile, checked_chunk, local_name, write_source
from headrace.sdk.said import to_fraction, to_json, to_level, to_text

__all__ = ["RecordedFiles", "RecordingContext", "RecordingSyncContext"]


class RecordedFiles:
    """The files of a test, in a temporary directory that goes with this object.

    Attributes:
        saved: The files that the handler has saved, in their order; one that has taken the place of another stands once.
    """

    def __init__(self) -> None:
        self.saved: list[FileRecord] = []
        self._made: Path | None = None
        self._records: dict[str, FileRecord] = {}

    def add(self, name: str, whole: bytes | Path, media_type: str) -> str:
        """Add a file as if it had been uploaded, and return its id, which goes into the input."""
        return self._write(checked_name(name), whole, checked_media_type(media_type), None).id

    def read(self, name: str) -> bytes:
        """Return the bytes of a file that the handler has saved.

        Raises:
            KeyError: It has saved none of that name.
        """
        return self._path({each.name: each for each in self.saved}[name]).read_bytes()

    def open(self, file: str) -> LocalFile:
        """Open a file for the handler.

        Raises:
            FileMissing: No such file was added or saved.
        """
        record = self._records.get(file)
        if record is None:
            raise FileMissing(f"there is no file {file!r}; it may have been deleted")
        return LocalFile(record, lambda: self._copy(record))

    def save(self, name: str, source: SyncSource, media_type: str, task: str) -> FileRecord:
        """Save a file of the handler, in the place of an earlier one of its name."""
        record = self._write(checked_name(name), source, checked_media_type(media_type), task)
        self.saved = [*(each for each in self.saved if each.name != name), record]
        return record

    def new_path(self) -> Path:
        """Return a path at which nothing is yet."""
        return self._directory / str(uuid.uuid4())

    @property
    def _directory(self) -> Path:
        """The directory, which most tests do not need."""
        if self._made is None:
            self._made = Path(tempfile.mkdtemp(prefix="headrace-test-"))
            weakref.finalize(self, shutil.rmtree, self._made, ignore_errors=True)
        return self._made

    def _write(self, name: str, source: SyncSource, media_type: str, task: str | None) -> FileRecord:
        path = write_source(source, self.new_path())
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        id_ = str(uuid.uuid4())
        record = FileRecord(
            id=id_,
            owner="owner",
            name=name,
            media_type=media_type,
            size=path.stat().st_size,
            sha256=digest,
            created_at=datetime.now(UTC),
            task=task,
        )
        self._records[id_] = record
        shutil.copyfile(path, self._path(record))
        return record

    def _path(self, record: FileRecord) -> Path:
        return self._directory / record.id

    def _copy(self, record: FileRecord) -> Path:
        """Return a copy that the handler may change, as it may change a real one."""
        copy = self._directory / "copies" / local_name(record.id, record.name)
        copy.parent.mkdir(exist_ok=True)
        if not copy.exists():
            shutil.copyfile(self._path(record), copy)
        return copy


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
