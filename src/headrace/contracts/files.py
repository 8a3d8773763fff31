"""Files: what is uploaded, what tasks read and what they produce, as clients and processes see them.

The bytes are in object storage, below `content_key`. Beside them is the `FileRecord` of the file, so that a worker, which has no
database, knows the name and the type of what it reads.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.tasks import Instant

NAME_CHARS_MAX = 255  # what file systems have
MEDIA_TYPE_CHARS_MAX = 127  # RFC 6838, 4.2: each half, and no type in use comes near
PART_BYTES = 64 << 20  # of an upload; a connection that breaks costs no more than this
SHA256_PATTERN = "^[0-9a-f]{64}$"

FileName = Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX)]
Sha256 = Annotated[str, Meta(pattern=SHA256_PATTERN, description="SHA-256 of the bytes, in hexadecimal.")]


class FileState(StrEnum):
    """Where a file is on its way: only a file that is ready can be read, or given to a task."""

    UPLOADING = "uploading"
    VERIFYING = "verifying"
    READY = "ready"
    REFUSED = "refused"


class File(Struct, frozen=True, kw_only=True):
    """A file, as clients see it."""

    id: str
    owner: str
    name: FileName
    media_type: str
    size: Annotated[int, Meta(ge=0, description="Bytes. Until the file is ready, as many as were declared.")]
    sha256: Annotated[
        Sha256 | None, Meta(description="Null until the file is ready, unless the client has declared it.")
    ] = None
    state: FileState
    reason: Annotated[str | None, Meta(description="Why the file was refused.")] = None
    task: Annotated[str | None, Meta(description="The task that produced it; null when it was uploaded.")] = None
    created_at: Instant
    ready_at: Instant | None = None
    expires_at: Annotated[
        Instant | None, Meta(description="When an upload that is not ready by then is removed; null for other files.")
    ] = None


class FilePage(Struct, frozen=True, kw_only=True):
    """One page of files, newest first."""

    items: list[File]
    next_cursor: Annotated[str | None, Meta(description="Pass as `cursor` for the next page; null on the last.")]


class FileRecord(Struct, frozen=True, kw_only=True):
    """What is kept beside the bytes of a file that is ready."""

    id: str
    owner: str
    name: FileName
    media_type: str
    size: Annotated[int, Meta(ge=0, description="Bytes.")]
    sha256: Sha256
    created_at: Instant
    task: Annotated[str | None, Meta(description="The task that produced it; null when it was uploaded.")] = None


def content_key(owner: str, file: str) -> str:
    """Return the key of the object with the bytes of a file."""
    return f"files/{owner}/{file}/content"


def record_key(owner: str, file: str) -> str:
    """Return the key of the object with the record of a file."""
    return f"files/{owner}/{file}/file.json"


def part_key(owner: str, file: str, number: int) -> str:
    """Return the key of one part of an upload, counted from 1, until it is complete."""
    return f"quarantine/{owner}/{file}/{number:05}"
