"""The sweep of files: what expired, what was left behind, and what the table and the store do not agree about.

It can be stopped anywhere and begun again: a row is deleted before its objects, so that objects without a row are what is left, and a
later sweep finds those. Files of deleted tasks are found in the same way, because the projector has deleted their rows.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import Literal, NamedTuple

from headrace.api.files.parts import part_sizes
from headrace.api.files.verification import remove_quietly
from headrace.api.identity_database import WORK_SECONDS, IdentityDatabase
from headrace.contracts.files import FileState, content_key, part_key, record_key
from headrace.log import clock
from headrace.objects import ObjectInfo, Objects
from headrace.store.file_sweep import (
    ROWS,
    delete_expired,
    delete_lost,
    find_expired,
    find_ready,
    find_states,
    lock_sweep,
)
from headrace.store.file_table import FileRow
from headrace.telemetry import get_logger

AGE = timedelta(hours=24)  # of what belongs to nothing: what is younger may belong to something that is not written yet
FOUND_MAX = 10_000  # of each sort in one sweep; the next one finds the others
LOOKS_AT_A_TIME = 8  # for objects of rows
# A sweep that would remove more than half of what there is has the wrong bucket or the wrong database before it.
FEW = 20

What = Literal["expired upload", "object without a file", "file without an object", "unfinished write"]

log = get_logger(__name__)


class Finding(NamedTuple):
    """Something to remove.

    Attributes:
        what: What it is.
        name: The id of a file or the key of an object; empty for writes.
        size: Its bytes.
    """

    what: What
    name: str
    size: int = 0


class Sweeper:
    """One sweep.

    Args:
        database: The database with the table.
        objects: The store.
        has_caught_up: Whether the table has everything that was in the log when it is called. Otherwise files of tasks may have no row
            yet, and nothing is removed for that reason.
        removes: Whether to remove what is found.
        removes_most: Whether to remove it also when it is most of what there is.
    """

    def __init__(
        self,
        database: IdentityDatabase,
        objects: Objects,
        has_caught_up: Callable[[], Awaitable[bool]],
        *,
        removes: bool = True,
        removes_most: bool = False,
    ) -> None:
        self._database = database
        self._objects = objects
        self._has_caught_up = has_caught_up
        self._removes = removes
        self._removes_most = removes_most
        self.problems: list[str] = []

    async def run(self) -> list[Finding]:
        """Find what belongs to nothing any more, remove it if that was asked for, and return it. ``problems`` has what was left out.

        Raises:
            ObjectsUnavailable: The store does not answer.
            IdentityUnavailable: Postgres cannot be reached.
        """
        now = clock.now()
        found = await self._sweep_expired(now)
        if await self._has_caught_up():
            found += await self._sweep_objects("files", now - AGE)
            found += await self._sweep_rows(now - AGE)
        else:
            self.problems.append("the projector is behind the log, so files that belong to nothing were not looked for")
        found += await self._sweep_objects("quarantine", now - AGE)
        unfinished = await self._objects.remove_unfinished(now - AGE, only_count=not self._removes)
        return found + [Finding("unfinished write", "")] * unfinished

    async def _sweep_expired(self, now: datetime) -> list[Finding]:
        found, after = list[Finding](), ""
        while len(found) < FOUND_MAX:
            async with self._database.transaction(WORK_SECONDS) as session:
                if not await lock_sweep(session):
                    self.problems.append("another process sweeps at the moment")
                    break
                rows = await find_expired(session, now, after)
                if self._removes and rows:
                    await delete_expired(session, now, [row.id for row in rows])
            found += [Finding("expired upload", row.id, row.size) for row in rows]
            for row in rows if self._removes else ():
                await remove_quietly(self._objects, *_keys_of(row))
            if len(rows) < ROWS:
                break
            after = rows[-1].id
        return found

    async def _sweep_objects(self, prefix: str, before: datetime) -> list[Finding]:
        """Find and remove objects whose files have no row, and parts of uploads that have ended."""
        seen, lost = 0, list[ObjectInfo]()
        async for some in _in_chunks(self._objects.list(prefix)):
            seen += len(some)
            old = [each for each in some if each.modified_at < before]
            async with self._database.transaction(WORK_SECONDS) as session:
                states = await find_states(session, {_file_of(each.key) for each in old})
            lost += [each for each in old if _is_lost(prefix, states.get(_file_of(each.key)))]
            if len(lost) >= FOUND_MAX:
                break
        if self._removes and self._may_remove(len(lost), seen, "objects", prefix):
            await remove_quietly(self._objects, *(each.key for each in lost))
        return [Finding("object without a file", each.key, each.size) for each in lost]

    async def _sweep_rows(self, before: datetime) -> list[Finding]:
        """Find and remove rows of uploads whose bytes are gone from the store."""
        seen, lost, after = 0, list[FileRow](), ""
        while len(lost) < FOUND_MAX:
            async with self._database.transaction(WORK_SECONDS) as session:
                rows = await find_ready(session, before, after)
            lost += await self._without_object(rows)
            seen += len(rows)
            if len(rows) < ROWS:
                break
            after = rows[-1].id
        if lost and self._removes and self._may_remove(len(lost), seen, "files", "the table"):
            async with self._database.transaction(WORK_SECONDS) as session:
                await delete_lost(session, [row.id for row in lost])
        return [Finding("file without an object", row.id, row.size) for row in lost]

    async def _without_object(self, rows: list[FileRow]) -> list[FileRow]:
        lost: list[FileRow] = []
        for at in range(0, len(rows), LOOKS_AT_A_TIME):
            some = rows[at : at + LOOKS_AT_A_TIME]
            found = await asyncio.gather(*(self._objects.find(content_key(row.owner, row.id)) for row in some))
            lost += [row for row, each in zip(some, found, strict=True) if each is None]
        return lost

    def _may_remove(self, lost: int, seen: int, what: str, where: str) -> bool:
        if self._removes_most or lost <= FEW or lost * 2 <= seen:
            return True
        self.problems.append(
            f"{lost:,} of {seen:,} {what} in {where} belong to nothing, which is most of them, so none was removed: is this the right "
            "database and the right store? `headrace files sweep --most` removes them all the same"
        )
        return False


def _is_lost(prefix: str, state: str | None) -> bool:
    if prefix == "files":
        return state is None
    return state not in (FileState.UPLOADING, FileState.VERIFYING)


def _keys_of(row: FileRow) -> Collection[str]:
    parts = (part_key(row.owner, row.id, number) for number in range(1, len(part_sizes(row)) + 1))
    return (record_key(row.owner, row.id), content_key(row.owner, row.id), *parts)


def _file_of(key: str) -> str:
    """Return the id of the file that an object belongs to: the third part of its key."""
    return key.split("/")[2] if key.count("/") >= 2 else ""


async def _in_chunks(source: AsyncIterator[ObjectInfo]) -> AsyncIterator[list[ObjectInfo]]:
    chunk: list[ObjectInfo] = []
    async for each in source:
        chunk.append(each)
        if len(chunk) == ROWS:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
