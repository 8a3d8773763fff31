"""Having an upload for oneself: one process at a time verifies it, and another one goes on when that one is gone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta

from headrace.api.identity_database import IdentityDatabase
from headrace.identity_errors import IdentityUnavailable
from headrace.log import clock
from headrace.store.file_table import FileRow
from headrace.store.files import change_leased, check_quota, find_file, lease_upload
from headrace.store.users import lock_user

SECONDS = 30.0  # after which a process that has died or stands still has the upload no more
RENEW_SECONDS = 8.0  # so that three renewals in a row may fail


class Lease:
    """An upload that this process has for itself.

    Args:
        database: The database with the table.
        row: The upload, as it was leased.

    Attributes:
        row: The upload, as it is now.
        is_lost: Whether another process may have the upload by now.
    """

    def __init__(self, database: IdentityDatabase, row: FileRow) -> None:
        self._database = database
        self.row = row
        self.is_lost = False
        self._changing = asyncio.Lock()

    async def change(self, **changed: object) -> FileRow | None:
        """Change columns of the upload; None when this process does not have it any more, or it was deleted.

        Raises:
            IdentityUnavailable: Postgres cannot be reached.
        """
        async with self._changing:
            async with self._database.transaction() as session:
                now_is = await change_leased(session, self.row, **changed)
            if now_is is None:
                self.is_lost = True
            else:
                self.row = now_is
            return now_is

    async def is_deleted(self) -> bool:
        """Look whether the owner has deleted the upload.

        Raises:
            IdentityUnavailable: Postgres cannot be reached.
        """
        async with self._database.transaction() as session:
            return await find_file(session, self.row.owner, self.row.id) is None

    async def count_size(self, size: int, owner_bytes_max: int) -> None:
        """Count the size of an upload that was not known when it began.

        Raises:
            QuotaExceeded: The files of its owner would take more than ``owner_bytes_max`` together.
            IdentityUnavailable: Postgres cannot be reached.
        """
        async with self._changing, self._database.transaction() as session:
            await lock_user(session, self.row.owner)
            await check_quota(session, self.row.owner, size, owner_bytes_max)
            self.row = await change_leased(session, self.row, size=size) or self.row

    async def renew_regularly(self) -> None:
        """Renew the lease until this is cancelled, or the lease is lost."""
        while not self.is_lost:
            await asyncio.sleep(RENEW_SECONDS)
            with suppress(IdentityUnavailable):
                await self.change(leased_until=clock.now() + timedelta(seconds=SECONDS))
            self.is_lost = self.is_lost or self.row.leased_until is None or self.row.leased_until <= clock.now()


@asynccontextmanager
async def kept(database: IdentityDatabase, row: FileRow) -> AsyncGenerator[Lease]:
    """Keep an upload that was leased for the block."""
    lease = Lease(database, row)
    renewing = asyncio.create_task(lease.renew_regularly(), name="renew the lease of an upload")
    try:
        yield lease
    finally:
        renewing.cancel()


async def take(database: IdentityDatabase, owner: str, file: str) -> FileRow | None:
    """Lease an upload; None when it has ended, or another process has it.

    Raises:
        IdentityUnavailable: Postgres cannot be reached.
    """
    now = clock.now()
    async with database.transaction() as session:
        return await lease_upload(session, owner, file, now, now + timedelta(seconds=SECONDS))
