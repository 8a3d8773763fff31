"""Alembic's entry point; `headrace migrate` passes the URL."""

import asyncio

from alembic import context
from sqlalchemy import Connection, pool
from sqlalchemy.ext.asyncio import create_async_engine

from headrace.store import identity_tables

MIGRATION_LOCK = 0x48_52_4D  # any number: processes that migrate at the same time wait for each other ("HRM")


def run(connection: Connection) -> None:
    """Bring the database up to date, one process at a time."""
    context.configure(connection=connection, target_metadata=identity_tables.metadata, transaction_per_migration=False)
    with context.begin_transaction():
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        context.run_migrations()


async def main() -> None:
    """Connect and run."""
    engine = create_async_engine(context.config.attributes["url"], poolclass=pool.NullPool)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(run)
    finally:
        await engine.dispose()


asyncio.run(main())
