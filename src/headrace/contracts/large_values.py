"""Large inputs and results: where an event has a reference to the value, and object storage has the value.

A value of more than `INLINE_BYTES_MAX` is a file of its task, with a role. It is written before the event that refers to it, so whoever
reads the event finds the value.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta, Struct

from headrace.contracts.files import Sha256, content_key
from headrace.contracts.tasks import FileRole, StoredFile

INLINE_BYTES_MAX: Final = 256 << 10  # of JSON in an event, so that a page of events fits the memory of its readers
VALUE_BYTES_MAX: Final = 1 << 30  # of JSON in the store: whoever decodes it needs several times as much memory
ANSWER_BYTES_MAX: Final = 8 << 20  # of a stored value that the API puts into an answer: as much as it takes in a body
VALUE_MEDIA_TYPE: Final = "application/json"
VALUE_NAMES: Final = {FileRole.INPUT: "input.json", FileRole.RESULT: "result.json"}


class StoredValue(Struct, frozen=True, kw_only=True):
    """A reference to a value in object storage."""

    file: Annotated[str, Meta(description="For GET /files/{id}/content.")]
    key: str
    size: Annotated[int, Meta(ge=0, le=2**63 - 1, description="Bytes of JSON.")]
    sha256: Sha256


def describe_value(owner: str, task: str, role: FileRole, size: int, sha256: str) -> StoredValue:
    """Return the reference to a value of a task.

    The id of its file follows from the value: two processes that write at the same time, for the same task, never replace what
    the other one has written.
    """
    file = f"{task}-{role}-{sha256[:16]}"
    return StoredValue(file=file, key=content_key(owner, file), size=size, sha256=sha256)


def file_of_value(value: StoredValue, role: FileRole, stored_at: datetime) -> StoredFile:
    """Return the file of a task that has a value."""
    return StoredFile(
        id=value.file,
        key=value.key,
        name=VALUE_NAMES[role],
        size=value.size,
        media_type=VALUE_MEDIA_TYPE,
        checksum=value.sha256,
        stored_at=stored_at,
        role=role,
    )


def find_value(files: Iterable[StoredFile], role: FileRole) -> StoredValue | None:
    """Return the value of a role among the files of a task; None when its row or its event has the value itself."""
    found = next((each for each in files if each.role is role), None)
    return None if found is None else StoredValue(file=found.id, key=found.key, size=found.size, sha256=found.checksum)
