"""Files: what is uploaded, what tasks read and what they produce, as clients and processes see them.

The bytes are in object storage, below `content_key`. Beside them is the `FileRecord` of the file, so that a worker, which has no
database, knows the name and the type of what it reads.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.patterns import pattern_of
from headrace.contracts.tasks import Instant

NAME_CHARS_MAX = 255  # what file systems have
MEDIA_TYPE_CHARS_MAX = 127  # RFC 6838, 4.2: each half, and no type in use comes near
PART_BYTES = 64 << 20  # of an upload; a connection that breaks costs no more than this
SHA256_PATTERN = pattern_of("a SHA-256 in hexadecimal, with lower-case letters", r"^[0-9a-f]{64}$(?!\n)")

PARTS_MAX = 1000  # of one upload: a larger file has larger parts, so that the list of them stays short
MEDIA_TYPE_PATTERN = pattern_of(
    "a media type, such as text/csv or image/png",
    r'^[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,62}/[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]{0,62}( ?; ?[a-zA-Z0-9-]+=("[ !#-\[\]-~]*"|[!#-~]+))*$(?!\n)',
)
ANY_BYTES = "application/octet-stream"
_ALIGNED = 1 << 20  # a part is a whole number of these

FileName = Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX)]
MediaType = Annotated[
    str, Meta(max_length=MEDIA_TYPE_CHARS_MAX, pattern=MEDIA_TYPE_PATTERN, description="As RFC 6838 has it.")
]
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


class NewFile(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request to upload a file."""

    name: FileName
    size: Annotated[int, Meta(ge=0, le=2**63 - 1, description="Bytes.")]
    media_type: MediaType = ANY_BYTES
    sha256: Annotated[Sha256 | None, Meta(description="What the bytes are compared with, when they are there.")] = None


class UploadPart(Struct, frozen=True, kw_only=True):
    """A part of an upload."""

    number: Annotated[int, Meta(ge=1, description="Counts from 1.")]
    start: Annotated[int, Meta(ge=0, description="The first of its bytes in the file.")]
    size: Annotated[int, Meta(ge=0, description="Bytes.")]
    url: Annotated[str | None, Meta(description="Where to PUT its bytes; null when they are there.")] = None


class Upload(Struct, frozen=True, kw_only=True):
    """How the bytes of a file are sent: each part with a PUT of its own, in any order, several at the same time."""

    part_bytes: Annotated[int, Meta(description="Size of each part but the last.")]
    parts: list[UploadPart]
    headers: Annotated[dict[str, str], Meta(description="What each PUT is sent with, besides its Content-Length.")] = {}
    urls_expire_at: Annotated[Instant, Meta(description="Then ask for new URLs with GET /files/{id}.")]


class FileDetail(File, frozen=True, kw_only=True):
    """A file, and how it is uploaded while it is."""

    upload: Annotated[Upload | None, Meta(description="Null unless the file is being uploaded.")] = None


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


def part_bytes_of(size: int) -> int:
    """Return the size of each part but the last of a file of so many bytes."""
    return max(PART_BYTES, -(-size // PARTS_MAX // _ALIGNED) * _ALIGNED)


def part_sizes_of(size: int) -> list[int]:
    """Return the size of each part of a file. A file without a byte has one part without a byte."""
    whole, rest = divmod(size, part_bytes_of(size))
    return [part_bytes_of(size)] * whole + ([rest] if rest or not whole else [])


def content_key(owner: str, file: str) -> str:
    """Return the key of the object with the bytes of a file."""
    return f"files/{owner}/{file}/content"


def record_key(owner: str, file: str) -> str:
    """Return the key of the object with the record of a file."""
    return f"files/{owner}/{file}/file.json"


def parts_prefix(owner: str, file: str) -> str:
    """Return what the keys of the parts of an upload begin with."""
    return f"quarantine/{owner}/{file}"


def part_key(owner: str, file: str, number: int) -> str:
    """Return the key of one part of an upload, counted from 1, until it is complete."""
    return f"{parts_prefix(owner, file)}/{number:05}"
