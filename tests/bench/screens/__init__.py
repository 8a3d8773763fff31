"""How long a client waits for each screen of the web application, with a million tasks of 200 accounts in the read model.

The rows are written as the projector would have written them, and counted by the projector's own statements. The log has none of
these tasks, so no projector leads meanwhile: it would set them right. Each request is made for an account that was not asked
for within the last second, so that no screen is sent twice from memory.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import asyncpg

from headrace.store.leadership import LEADER_LOCK
from tests.bench.report import Report
from tests.bench.scale.loading import quiet_database, set_retention
from tests.bench.screens.accounts import make_accounts
from tests.bench.screens.reading import read_screens
from tests.bench.screens.rows import write_rows
from tests.bench.sizes import Sizes
from tests.bench.stack import POLL_SECONDS, Up, bench_stack, temporary_home

PARTS = ("read",)


async def screens(report: Report, sizes: Sizes, parts: frozenset[str]) -> None:
    """Write the rows and read every screen."""
    with temporary_home() as home:
        async with bench_stack(home, max_tasks=0) as stack:
            await set_retention(stack, 0)
            async with _in_place_of_the_projector(stack.up):
                await write_rows(report, stack.up.running.database_url, sizes.finished)
                await quiet_database(report, stack)
                accounts = await make_accounts(stack)
                await read_screens(report, stack, accounts, sizes.finished)


@asynccontextmanager
async def _in_place_of_the_projector(up: Up) -> AsyncGenerator[None]:
    """Hold the lock of the projector that leads for the block, so that every projector stands by."""
    connection = await asyncpg.connect(up.running.database_url)
    try:
        locking = asyncio.create_task(connection.execute("SELECT pg_advisory_lock($1)", LEADER_LOCK))
        # Who waits for a lock in the database has it before who asks for it again and again.
        while not await connection_waits(up):
            await asyncio.sleep(POLL_SECONDS)
        os.kill(up.running.children["projector"].pid, signal.SIGKILL)
        await locking
        yield
    finally:
        await connection.close()


async def connection_waits(up: Up) -> bool:
    """Whether some connection waits for a lock of its own."""
    connection = await asyncpg.connect(up.running.database_url)
    try:
        return bool(
            await connection.fetchval("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        )
    finally:
        await connection.close()
