"""Beginning uploads, uploading in one call, and deleting what was uploaded."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

import uuid_utils

from headrace.api.files import lease as leases
from headrace.api.files.parts import part_sizes
from headrace.api.files.shelf import FileShelf
from headrace.api.files.stream import exactly, write_content
from headrace.api.files.verification import mark_ready, remove_quietly
from headrace.contracts.files import FileState, NewFile, content_key, part_key, record_key
from headrace.errors import TooLarge
from headrace.file_errors import FileNotFound, FileOfTask, FileTooLarge, WrongChecksum
from headrace.identity_errors import IdentityUnavailable
from headrace.log import clock
from headrace.objects import Objects
from headrace.store.file_table import FileRow
from headrace.store.files import delete_upload, find_file, insert_upload

UPLOAD_LIFETIME = timedelta(hours=24)  # of an upload that is not completed


async def begin_upload(shelf: FileShelf, owner: str, new: NewFile) -> FileRow:
    """Begin an upload of which parts may arrive from now on.

    Raises:
        FilesOff: There is no store.
        FileTooLarge: It is larger than a file may be.
        QuotaExceeded: The files of the owner would take more than they may.
        IdentityUnavailable: Postgres cannot be reached.
    """
    shelf.require()
    shelf.check_size(new.size)
    row = _new_row(owner, new)
    async with shelf.identity.transaction() as session:
        await insert_upload(session, row, shelf.settings.owner_bytes_max)
    return row


async def upload_at_once(
    shelf: FileShelf,
    owner: str,
    new: NewFile,
    source: AsyncIterator[bytes],
    *,
    is_size_known: bool,
    file: str | None = None,
) -> FileRow:
    """Upload a whole file from one body, which is written to where it stays while it arrives. Nothing is left of one that is cut.

    Args:
        shelf: The files.
        owner: Whose it is.
        new: What was declared. The size is 0 when it is not known.
        source: The bytes.
        is_size_known: Whether the size was declared.
        file: The id that it gets; a new one by default.

    Raises:
        FilesOff: There is no store.
        FileTooLarge: It is larger than a file may be.
        QuotaExceeded: The files of the owner would take more than they may.
        FileRefused: It is not what was declared.
        TooManyUploads: Too many others are written at the moment.
        ObjectsUnavailable: The store does not take it.
        IdentityUnavailable: Postgres cannot be reached.
    """
    objects = shelf.require()
    shelf.check_size(new.size)
    async with shelf.writes.take():
        row = _new_row(owner, new, file)
        row.state, row.leased_until = FileState.VERIFYING.value, clock.now() + timedelta(seconds=leases.SECONDS)
        async with _inserted(shelf, row), leases.kept(shelf.identity, row) as lease:
            whole = exactly(source, new.size) if is_size_known else source
            return await _write(shelf, objects, lease, whole, is_size_known=is_size_known)


@asynccontextmanager
async def _inserted(shelf: FileShelf, row: FileRow) -> AsyncGenerator[None]:
    """Insert a row for the block that writes its bytes; nothing is left when it fails."""
    async with shelf.identity.transaction() as session:
        await insert_upload(session, row, shelf.settings.owner_bytes_max)
    try:
        yield
    except BaseException:
        with suppress(IdentityUnavailable, FileNotFound):
            await remove_upload(shelf, row.owner, row.id)
        raise


async def _write(
    shelf: FileShelf, objects: Objects, lease: leases.Lease, source: AsyncIterator[bytes], *, is_size_known: bool
) -> FileRow:
    row, size_max = lease.row, shelf.settings.file_bytes_max
    try:
        written = await write_content(objects, row, source, size_max)
    except TooLarge as error:
        raise FileTooLarge(f"a file may have {size_max:,} bytes, and this one has more; send a smaller one") from error
    if row.sha256 is not None and row.sha256 != written.sha256:
        raise WrongChecksum(
            f"the SHA-256 of what has arrived is {written.sha256}, and {row.sha256} was declared; send the file again"
        )
    if not is_size_known:
        await lease.count_size(written.size, shelf.settings.owner_bytes_max)
    return await mark_ready(objects, lease, written)


async def remove_upload(shelf: FileShelf, owner: str, file: str) -> None:
    """Delete what was uploaded: first its row, so that nobody can read it any more, then its objects.

    Raises:
        FilesOff: There is no store.
        FileNotFound: The owner has no such file.
        FileOfTask: A task has produced it.
        IdentityUnavailable: Postgres cannot be reached.
    """
    objects = shelf.require()
    async with shelf.identity.transaction() as session:
        row = await delete_upload(session, owner, file)
        kept = await find_file(session, owner, file) if row is None else None
    if row is None:
        if kept is not None:
            raise FileOfTask(f"this file was produced by task {kept.task}; delete the task, and its files go with it")
        raise FileNotFound(f"there is no file {file[:80]!r}")
    parts = range(1, len(part_sizes(row)) + 1) if row.state != FileState.READY else ()
    await remove_quietly(
        objects,
        record_key(owner, file),
        content_key(owner, file),
        *(part_key(owner, file, number) for number in parts),
    )


def _new_row(owner: str, new: NewFile, file: str | None = None) -> FileRow:
    now = clock.now()
    return FileRow(
        id=file or str(uuid_utils.uuid7()),
        owner=owner,
        name=new.name,
        media_type=new.media_type,
        size=new.size,
        sha256=new.sha256,
        state=FileState.UPLOADING.value,
        created_at=now,
        expires_at=now + UPLOAD_LIFETIME,
    )
