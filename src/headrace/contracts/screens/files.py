"""The list of files."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.files import FileState
from headrace.contracts.screens.envelope import Ref, Screen
from headrace.contracts.tasks import Instant


class FileEntry(Struct, frozen=True, kw_only=True):
    """A file in the list."""

    id: str
    name: str
    media_type: str
    size: Annotated[int, Meta(description="Bytes. Until the file is ready, as many as were declared.")]
    state: FileState
    reason: Annotated[str | None, Meta(description="Why the file was refused.")]
    inline: Annotated[bool, Meta(description="Whether a page may show it.")]
    task: Annotated[Ref | None, Meta(description="The task that produced it, by its title; null when it was uploaded.")]
    created_at: Instant
    ready_at: Instant | None
    expires_at: Annotated[Instant | None, Meta(description="When an upload that is not ready by then is removed.")]


class FileStorage(Struct, frozen=True, kw_only=True):
    """What the files of the account take together, and what they may."""

    files: Annotated[
        int, Meta(description="How many count: also those that are being uploaded, and not those refused.")
    ]
    used_bytes: int
    limit_bytes: int
    file_bytes: Annotated[int, Meta(description="What one file may have.")]


class FilesV1(Screen, frozen=True, kw_only=True):
    """One page of files, the newest first."""

    items: list[FileEntry] | None
    next_cursor: Annotated[str | None, Meta(description="Pass as `cursor` for the next page; null on the last.")]
    storage: Annotated[FileStorage | None, Meta(description="Null where an installation keeps no files.")]
