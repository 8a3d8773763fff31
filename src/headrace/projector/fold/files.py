"""The files of a task: a row of the task has them as JSON, and each has a row of its own beside those that were uploaded."""

from __future__ import annotations

from typing import Final

import msgspec

from headrace.contracts.files import FileState
from headrace.contracts.tasks import StoredFile
from headrace.store.file_table import FileRow
from headrace.store.tables import TaskRow

NO_FILES: Final = "[]"

_decode = msgspec.json.Decoder(tuple[StoredFile, ...]).decode


def decode_files(files: str) -> tuple[StoredFile, ...]:
    """Read what a row of a task has of its files."""
    return () if files == NO_FILES else _decode(files)


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
