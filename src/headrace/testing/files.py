"""The files of a test, as handlers open and save them."""

from __future__ import annotations

import hashlib
import shutil
import tempfile
import uuid
import weakref
from datetime import UTC, datetime
from pathlib import Path

from headrace.contracts.files import FileRecord
from headrace.sdk.files import FileMissing, SyncSource, checked_media_type, checked_name
from headrace.sdk.local_files import LocalFile, local_name, write_source

OWNER = "owner"  # of every task and file of a test


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

    @property
    def records(self) -> list[FileRecord]:
        """The files that were added and saved."""
        return list(self._records.values())

    def path_of(self, record: FileRecord) -> Path:
        """Return where the bytes of a file are."""
        return self._path(record)

    def keep(self, record: FileRecord, whole: Path) -> None:
        """Keep a file that was saved elsewhere, under the id that it has there."""
        shutil.copyfile(whole, self._path(record))
        self._records[record.id] = record
        self.saved = [*(each for each in self.saved if each.name != record.name), record]

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
            owner=OWNER,
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
