"""The queries about files. Those that change something are made inside a transaction of the caller."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, delete, func, insert, not_, or_, select, text, update
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.files import File, FileState
from headrace.file_errors import QuotaExceeded
from headrace.store import file_table
from headrace.store.cursors import Cursor
from headrace.store.file_table import FileRow
from headrace.store.newest_pages import fetch_newest
from headrace.store.reading import columns_of, fetch_row, fetch_rows
from headrace.store.snapshot import Reads
from headrace.store.users import lock_user

_FILES = file_table.files
_OF = _FILES.c
_FILE = columns_of(_FILES, FileRow)
_SELECT_FILE = select(*_FILE)
# A column of sums would be numeric.
_SELECT_USAGE = text(f"""
    SELECT owner, count(*), CAST(sum(size) AS bigint) FROM files
    WHERE owner = ANY(CAST(:owners AS text[])) AND state <> '{FileState.REFUSED}' GROUP BY owner
""")  # noqa: S608 - the name is ours
# What handlers have not saved themselves is shown with its task, and is no file that somebody looks for. See `kept_output.has_role`.
_HAS_NO_ROLE = or_(_OF.task.is_(None), not_(func.starts_with(_OF.id, _OF.task + "-")))
_OPEN = (FileState.UPLOADING.value, FileState.VERIFYING.value)


class FileFilter(NamedTuple):
    """Which files a list shows; None means any. ``text`` is a part of the name, in any case."""

    text: str | None = None
    task: str | None = None
    state: FileState | None = None


class FileUsage(NamedTuple):
    """What files take: how many there are, and their bytes together."""

    files: int = 0
    bytes: int = 0


async def insert_upload(session: AsyncSession, row: FileRow, owner_bytes_max: int) -> None:
    """Add an upload, whose declared size counts from now on.

    Raises:
        QuotaExceeded: The files of the owner would take more than ``owner_bytes_max`` together.
        UserNotFound: The owner was deleted meanwhile.
    """
    # Two uploads that begin at the same time do not both count the files before them.
    await lock_user(session, row.owner)
    await check_quota(session, row.owner, row.size, owner_bytes_max)
    await session.execute(insert(_FILES).values(msgspec.structs.asdict(row)))


async def check_quota(session: AsyncSession, owner: str, more: int, owner_bytes_max: int) -> None:
    """Let an owner have so many bytes more, whose row is locked by the caller.

    Raises:
        QuotaExceeded: The files of the owner would take more than ``owner_bytes_max`` together.
    """
    used = (await read_usage(session, [owner])).get(owner, FileUsage()).bytes
    if used + more > owner_bytes_max:
        raise QuotaExceeded(
            f"your files may take {owner_bytes_max:,} bytes together and take {used:,} already, so {more:,} more have no room; "
            "delete files that are not needed any more"
        )


async def find_file(session: Reads, owner: str, file: str) -> FileRow | None:
    """Find a file of an owner."""
    return await fetch_row(session, FileRow, _SELECT_FILE.where(_OF.id == file, _OF.owner == owner))


async def find_any_file(session: Reads, file: str) -> FileRow | None:
    """Find a file whoever has it, for somebody who has a URL that was signed for it."""
    return await fetch_row(session, FileRow, _SELECT_FILE.where(_OF.id == file))


async def find_files(session: Reads, owner: str, files: Collection[str]) -> dict[str, FileRow]:
    """Find some files of an owner, by their ids. What is not there, or belongs to somebody else, is left out."""
    found = await fetch_rows(session, FileRow, _SELECT_FILE.where(_OF.owner == owner, _OF.id.in_(files)))
    return {row.id: row for row in found}


async def list_files(
    session: Reads, owner: str, wanted: FileFilter, after: Cursor | None, limit: int
) -> tuple[list[File], Cursor | None]:
    """List one page of an owner's files, newest first.

    Returns:
        The files, and where the next page begins; None on the last page.
    """
    conditions: list[ColumnElement[bool]] = [_OF.owner == owner, _HAS_NO_ROLE]
    if wanted.task is not None:
        conditions.append(_OF.task == wanted.task)
    if wanted.state is not None:
        conditions.append(_OF.state == wanted.state.value)
    if wanted.text is not None:
        # A part, in which no character stands for others. Only the rows of the owner are read for it.
        conditions.append(func.strpos(func.lower(_OF.name), func.lower(wanted.text)) > 0)
    rows, more = await fetch_newest(
        session, FileRow, _SELECT_FILE.where(*conditions), _FILES.c.created_at, after, limit
    )
    return [to_file(row) for row in rows], more


async def read_usage(session: Reads, owners: Collection[str]) -> Mapping[str, FileUsage]:
    """Return what the files of owners take, by owner. Those that were refused take nothing; one without files is left out."""
    found = await session.execute(_SELECT_USAGE, {"owners": list(owners)})
    return {row[0]: FileUsage(row[1], row[2]) for row in found}


async def lease_upload(session: AsyncSession, owner: str, file: str, now: datetime, until: datetime) -> FileRow | None:
    """Have an upload for oneself until a time, to verify it; None when it has ended, or somebody else has it."""
    is_free = or_(_OF.leased_until.is_(None), _OF.leased_until <= now)
    leased: Any = (
        update(_FILES)
        .where(_OF.id == file, _OF.owner == owner, _OF.task.is_(None), _OF.state.in_(_OPEN), is_free)
        .values(state=FileState.VERIFYING.value, leased_until=until)
        .returning(*_FILE)
    )
    return await fetch_row(session, FileRow, leased)


async def change_leased(session: AsyncSession, row: FileRow, **changed: object) -> FileRow | None:
    """Change columns of an upload that is leased since ``row`` was read, and return it as it is then.

    Returns:
        None when the lease has ended and somebody else has the upload, or it is gone.
    """
    held: Any = (
        update(_FILES)
        .where(_OF.id == row.id, _OF.leased_until == row.leased_until, _OF.state == FileState.VERIFYING.value)
        .values(changed)
        .returning(*_FILE)
    )
    return await fetch_row(session, FileRow, held)


async def delete_upload(session: AsyncSession, owner: str, file: str) -> FileRow | None:
    """Delete the row of a file that was uploaded, and return it; None when there is none. Files of tasks go with their task."""
    gone: Any = delete(_FILES).where(_OF.id == file, _OF.owner == owner, _OF.task.is_(None)).returning(*_FILE)
    return await fetch_row(session, FileRow, gone)


def to_file(row: FileRow) -> File:
    """Build what clients see of a file."""
    return msgspec.convert({name: getattr(row, name) for name in File.__struct_fields__}, File)
