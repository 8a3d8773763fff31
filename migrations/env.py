"""Alembic's entry point; `headrace migrate` passes the URL."""

import asyncio

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine

from headrace.store import identity_tables
from headrace.store.concurrent_index import LOCK_SECONDS
from headrace.store.migrate import is_locked_out
from headrace.telemetry import get_logger

MIGRATION_LOCK = 0x48_52_4D  # any number: processes that migrate at the same time wait for each other ("HRM")
TURN_POLL_SECONDS = 0.2  # how often a process asks whether the one that migrates is done
LOCK_ATTEMPTS = 12  # of a migration: a minute, in which a long transaction of others ends or is ended
LOCK_PAUSE_SECONDS = 1.0  # between two of them: whoever waited for the table behind the migration has it meanwhile

log = get_logger(__name__)


def run(connection: Connection) -> None:
    """Bring the database up to date, each migration in a transaction of its own, so that no table is locked longer than one takes."""
    context.configure(connection=connection, target_metadata=identity_tables.metadata, transaction_per_migration=True)
    with context.begin_transaction():
        context.run_migrations()


async def take_turn(connection: AsyncConnection) -> None:
    """Wait until no other process migrates; the turn ends with the connection.

    Nothing of the database is held meanwhile: an index that another process makes concurrently waits for every open transaction.
    """
    while not await connection.scalar(text(f"SELECT pg_try_advisory_lock({MIGRATION_LOCK})")):
        await connection.commit()
        await asyncio.sleep(TURN_POLL_SECONDS)
    await connection.execute(text(f"SET lock_timeout = '{LOCK_SECONDS}s'"))
    await connection.commit()


async def run_unless_locked_out(connection: AsyncConnection) -> None:
    """Run; a migration that other sessions keep from a table gives way to those who wait behind it, and begins again."""
    for left in reversed(range(LOCK_ATTEMPTS)):
        try:
            return await connection.run_sync(run)
        except DBAPIError as error:
            if not is_locked_out(error) or not left:
                raise
            log.warning("other sessions keep a table locked; trying again", attempts_left=left)
            await connection.rollback()
            await asyncio.sleep(LOCK_PAUSE_SECONDS)
    return None


async def main() -> None:
    """Connect and run."""
    engine = create_async_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    try:
        async with engine.connect() as connection:
            await take_turn(connection)
            await run_unless_locked_out(connection)
    finally:
        await engine.dispose()


asyncio.run(main())
