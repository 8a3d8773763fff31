"""Completing uploads: the parts become one object, whose bytes are counted, hashed and compared with what was declared.

A verification goes on when the client that asked for it has left, and the same client is told its end when it asks again. When the
process dies, another one begins again once the lease has ended: the parts stay until the file is ready.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

from headrace.api.files import lease as leases
from headrace.api.files.lease import Lease
from headrace.api.files.parts import find_parts, part_sizes
from headrace.api.files.refusals import as_reason, refused_before
from headrace.api.files.stream import checked, write_content, write_record
from headrace.api.identity_database import IdentityDatabase
from headrace.api.turns import Turns
from headrace.contracts.files import FileRecord, FileState, content_key, part_key, record_key
from headrace.errors import HeadraceError
from headrace.file_errors import (
    FileNotFound,
    FileRefused,
    ObjectMissing,
    ObjectsUnavailable,
    PartsMissing,
    TooManyFilesVerified,
    WrongChecksum,
    WrongSize,
)
from headrace.identity_errors import IdentityUnavailable
from headrace.log import clock
from headrace.media_types import TypeCheck
from headrace.objects import Objects, Written, measure
from headrace.store.file_table import FileRow
from headrace.store.files import find_file
from headrace.telemetry import get_logger

AT_A_TIME = 4  # each reads a file as a whole, and hashes it in a thread
WAITING_MAX = 500
ANSWER_SECONDS = 20.0  # for which a request waits for the end; proxies close one without an answer after 30 or 60
REFUSED_KEPT = timedelta(hours=24)  # so that a client that was cut learns why

log = get_logger(__name__)


class Verifications:
    """The uploads that this process verifies.

    Args:
        database: The database with the table.
        require: Returns the store, or raises `FilesOff`.
    """

    def __init__(self, database: IdentityDatabase, require: Callable[[], Objects]) -> None:
        self._database = database
        self._require = require
        self._turns = Turns(AT_A_TIME, WAITING_MAX, _too_many)
        self._running: dict[str, asyncio.Task[FileRow]] = {}

    async def complete(self, owner: str, file: str) -> FileRow:
        """Verify an upload, and return it as it is then. It is still being verified when that takes longer than a request may.

        Raises:
            FileNotFound: The owner has no such upload.
            PartsMissing: Some parts have not arrived.
            FileRefused: It is not what was declared.
            FilesOff: There is no store.
            ObjectsUnavailable: The store does not answer; the upload is as before.
            TooManyFilesVerified: Too many others wait.
            IdentityUnavailable: Postgres cannot be reached.
        """
        self._require()
        running = self._running.get(file)
        if running is None:
            # Only its owner begins one, so that nobody has to wait for somebody else's file.
            row = await self._find(owner, file)
            if (ended := _ended(row)) is not None:
                return ended
            running = self._running.get(file) or self._begin(owner, file)
        elif (await self._find(owner, file)).state == FileState.READY:
            return await running
        await asyncio.wait({running}, timeout=ANSWER_SECONDS)
        return running.result() if running.done() else await self._find(owner, file)

    def close(self) -> None:
        """End all of them; whoever asks another process has it begin again."""
        for running in self._running.values():
            running.cancel()

    def _begin(self, owner: str, file: str) -> asyncio.Task[FileRow]:
        running = asyncio.create_task(self._verify(owner, file), name="verify an upload")
        self._running[file] = running

        def end(ended: asyncio.Task[FileRow]) -> None:
            del self._running[file]
            # It is raised in the requests that wait. When there are none any more, nobody else looks at it.
            if not ended.cancelled():
                ended.exception()

        running.add_done_callback(end)
        return running

    async def _find(self, owner: str, file: str) -> FileRow:
        async with self._database.transaction() as session:
            row = await find_file(session, owner, file)
        if row is None or row.task is not None:
            raise FileNotFound(f"there is no upload {file!r}")
        return row

    async def _verify(self, owner: str, file: str) -> FileRow:
        """Have the upload for this process, and verify it."""
        async with self._turns.take():
            leased = await leases.take(self._database, owner, file)
            if leased is None:
                # Another process has it, or it has ended meanwhile.
                row = await self._find(owner, file)
                return _ended(row) or row
            async with leases.kept(self._database, leased) as lease:
                return await self._finish(self._require(), lease)

    async def _finish(self, objects: Objects, lease: Lease) -> FileRow:
        """Verify an upload that this process has, and write down what came of it."""
        declared = lease.row
        try:
            written = await _assemble(objects, lease)
            _compare(declared, written)
        except FileRefused as refusal:
            await _refuse(objects, lease, refusal)
            raise
        except HeadraceError:
            # It can be tried again at once, by whatever process.
            await _give_back(objects, lease)
            raise
        return await mark_ready(objects, lease, written)


async def mark_ready(objects: Objects, lease: Lease, written: Written) -> FileRow:
    """Make a file usable whose bytes are in their place. The record beside them is first: a worker may be asked for it at once.

    Raises:
        FileNotFound: The file was deleted meanwhile, and nothing is left of it.
        ObjectsUnavailable: The store does not take the record.
        IdentityUnavailable: Postgres cannot be reached.
    """
    row = lease.row
    record = FileRecord(
        id=row.id,
        owner=row.owner,
        name=row.name,
        media_type=row.media_type,
        size=written.size,
        sha256=written.sha256,
        created_at=row.created_at,
    )
    await write_record(objects, record)
    ready = await lease.change(
        state=FileState.READY.value,
        size=written.size,
        sha256=written.sha256,
        ready_at=clock.now(),
        expires_at=None,
        leased_until=None,
    )
    if ready is None:
        await _remove_deleted(objects, lease)
        raise FileNotFound(f"the upload {row.id!r} was deleted, or is verified by another process")
    await remove_quietly(
        objects, *(part_key(row.owner, row.id, number) for number in range(1, len(part_sizes(row)) + 1))
    )
    return ready


async def remove_quietly(objects: Objects, *keys: str) -> None:
    """Remove objects that nobody needs any more. What stays is removed by the sweep."""
    try:
        await objects.remove(*keys)
    except ObjectsUnavailable:
        log.warning("objects could not be removed, the sweep does it later", objects=len(keys))


async def _assemble(objects: Objects, lease: Lease) -> Written:
    """Make one object of the parts.

    Raises:
        PartsMissing: Some have not arrived.
        WrongSize: One has another size than was declared.
        WrongType: The bytes are not of the type that was declared.
        ObjectsUnavailable: The store does not answer.
    """
    row = lease.row
    sizes, found = part_sizes(row), await find_parts(objects, row)
    content = content_key(row.owner, row.id)
    if objects.is_local and len(sizes) == 1 and not found and await objects.find(content) is not None:
        # It was moved by a process that has died since.
        return await _check_content(objects, row)
    missing = [number for number in range(1, len(sizes) + 1) if number not in found]
    if missing:
        shown = ", ".join(map(str, missing[:10])) + (" and others" if len(missing) > 10 else "")
        raise PartsMissing(f"of the parts of this upload {shown} have not arrived; send them, and complete it again")
    for number, size in enumerate(sizes, 1):
        if found[number] != size:
            raise WrongSize(
                f"part {number} has {found[number]:,} bytes, and {size:,} were declared; upload the file again"
            )
    if objects.is_local and len(sizes) == 1:
        # First to where nobody can write any more: its URL may be good for a while yet.
        await objects.move(part_key(row.owner, row.id, 1), content)
        return await _check_content(objects, row)
    return await write_content(objects, row, _read_parts(objects, lease, len(sizes)), row.size)


async def _check_content(objects: Objects, row: FileRow) -> Written:
    check = TypeCheck(row.media_type)
    written = await measure(checked(objects.read(content_key(row.owner, row.id)), check))
    check.check_head(written.head)
    return written


async def _read_parts(objects: Objects, lease: Lease, count: int) -> AsyncIterator[bytes]:
    for number in range(1, count + 1):
        try:
            async for chunk in objects.read(part_key(lease.row.owner, lease.row.id, number)):
                yield chunk
        except ObjectMissing as error:
            raise PartsMissing(f"part {number} was removed meanwhile; upload the file again") from error
    if lease.is_lost:
        # Another process verifies it, and may be done: what it has written must not be replaced.
        raise ObjectsUnavailable("this upload is verified by another process; ask again for its completion")


def _compare(declared: FileRow, written: Written) -> None:
    if written.size != declared.size:
        raise WrongSize(
            f"{declared.size:,} bytes were declared, and {written.size:,} have arrived; upload the file again"
        )
    if declared.sha256 is not None and written.sha256 != declared.sha256:
        raise WrongChecksum(
            f"the SHA-256 of what has arrived is {written.sha256}, and {declared.sha256} was declared; upload the file again"
        )


async def _refuse(objects: Objects, lease: Lease, refusal: FileRefused) -> None:
    """Write down why an upload is refused, and remove its bytes."""
    row = lease.row
    refused = await lease.change(
        state=FileState.REFUSED.value,
        reason=as_reason(refusal),
        leased_until=None,
        expires_at=clock.now() + REFUSED_KEPT,
    )
    if refused is None:
        await _remove_deleted(objects, lease)
    else:
        parts = (part_key(row.owner, row.id, number) for number in range(1, len(part_sizes(row)) + 1))
        await remove_quietly(objects, content_key(row.owner, row.id), *parts)


async def _remove_deleted(objects: Objects, lease: Lease) -> None:
    """Remove what was written of an upload after its owner had deleted it. What another process has stays."""
    if await lease.is_deleted():
        await remove_quietly(
            objects, record_key(lease.row.owner, lease.row.id), content_key(lease.row.owner, lease.row.id)
        )


async def _give_back(objects: Objects, lease: Lease) -> None:
    try:
        if await lease.change(state=FileState.UPLOADING.value, leased_until=None) is None:
            await _remove_deleted(objects, lease)
    except IdentityUnavailable:
        log.warning("an upload could not be given back; another process may have it in half a minute")


def _ended(row: FileRow) -> FileRow | None:
    """Return an upload that is ready; None when it is not verified yet.

    Raises:
        FileRefused: It was refused.
    """
    if row.state == FileState.REFUSED:
        raise refused_before(row.reason or "")
    return row if row.state == FileState.READY else None


def _too_many() -> TooManyFilesVerified:
    return TooManyFilesVerified("too many files are being verified at the moment; ask again in a few seconds")
