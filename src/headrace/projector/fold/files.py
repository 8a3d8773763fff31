"""The files of a task: a row of the task has them as JSON, and each has a row of its own beside those that were uploaded."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Final

import msgspec

from headrace.contracts.events import Stored
from headrace.contracts.files import FileState
from headrace.contracts.large_values import StoredValue, file_of_value
from headrace.contracts.tasks import FileRole, StoredFile
from headrace.store.file_table import FileRow
from headrace.store.tables import TaskRow

NO_FILES: Final = "[]"

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(tuple[StoredFile, ...]).decode


def decode_files(files: str) -> tuple[StoredFile, ...]:
    """Read what a row of a task has of its files."""
    return () if files == NO_FILES else _decode(files)


def with_stored(files: str, event: Stored, at: datetime) -> str:
    """Add a file that was stored to those of a task, in the place of one that has its name and is of its role."""
    stored = StoredFile(
        id=event.file,
        key=event.key,
        name=event.name,
        size=event.size,
        media_type=event.media_type,
        checksum=event.checksum,
        stored_at=at,
        role=event.role,
    )
    return _with_file(files, stored)


def with_value(files: str, value: StoredValue | None, role: FileRole, at: datetime) -> str:
    """Add the file of an input or a result that is too large for an event to those of a task; None for one that is not."""
    return files if value is None else _with_file(files, file_of_value(value, role, at))


def only_input(files: str) -> str:
    """Return what is left of the files of a task when a run of it begins anew: its input."""
    return _encode_all([each for each in decode_files(files) if each.role is FileRole.INPUT])


def _with_file(files: str, stored: StoredFile) -> str:
    others = (each for each in decode_files(files) if (each.name, each.role) != (stored.name, stored.role))
    return _encode_all([*(each for each in others if each.id != stored.id), stored])


def _encode_all(files: Collection[StoredFile]) -> str:
    return _encode(files).decode() if files else NO_FILES


def file_rows(task: TaskRow) -> list[FileRow]:
    """Return the rows of the files of a task as its own row has them, so that a replay of the log gives the same."""
    return [
        FileRow(
            id=each.id,
            owner=task.owner,
            name=each.name,
            media_type=each.media_type,
            size=each.size,
            sha256=each.checksum,
            state=FileState.READY,
            task=task.id,
            created_at=each.stored_at,
            ready_at=each.stored_at,
        )
        for each in decode_files(task.files)
    ]
