"""The migrations make the tables that the models describe."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy.ext.asyncio import create_async_engine

from headrace.embedded.postgres import EmbeddedPostgres
from headrace.settings import DatabaseSettings
from headrace.store import tables
from headrace.store.engine import sqlalchemy_url
from headrace.store.migrate import alembic_config, migrate


async def test_migrations_and_models_agree(make_database: Callable[[], Awaitable[str]]) -> None:
    engine = create_async_engine(sqlalchemy_url(await make_database()))
    async with engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), tables.metadata)
        )
    await engine.dispose()
    assert differences == []


async def test_migrations_go_down_and_up_again(make_database: Callable[[], Awaitable[str]]) -> None:
    settings = DatabaseSettings(url=await make_database())
    await asyncio.to_thread(command.downgrade, alembic_config(settings), "base")
    await asyncio.to_thread(migrate, settings)


async def test_processes_that_migrate_at_the_same_time_wait_for_each_other(postgres: EmbeddedPostgres) -> None:
    settings = DatabaseSettings(url=await postgres.create("migrated_by_many"))
    processes = [
        await asyncio.create_subprocess_exec(
            "headrace",
            "migrate",
            env={**_environ(), "HEADRACE_DATABASE_URL": settings.url},
            stderr=asyncio.subprocess.PIPE,
        )
        for _ in range(3)
    ]
    said = [(await process.communicate())[1] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], said


def _environ() -> dict[str, str]:
    import os

    return dict(os.environ)
