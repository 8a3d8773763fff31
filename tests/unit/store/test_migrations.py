"""The migrations make the tables that the models describe."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import asyncpg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from headrace.embedded.postgres import EmbeddedPostgres
from headrace.settings import DatabaseSettings
from headrace.store import identity_tables
from headrace.store.engine import sqlalchemy_config, sqlalchemy_url
from headrace.store.migrate import MigrationFailed, alembic_config, migrate
from headrace.store.revision import describe_gap, revisions
from tests.waiting import until


async def test_migrations_and_models_agree(make_database: Callable[[], Awaitable[str]]) -> None:
    engine = create_async_engine(sqlalchemy_url(await make_database()))
    async with engine.connect() as connection:
        differences = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), identity_tables.metadata)
        )
    await engine.dispose()
    assert differences == []


def test_no_table_of_the_read_model_refers_to_one_of_identity_or_the_other_way_round() -> None:
    tables = identity_tables.metadata.tables.values()
    counted = {"activity", "counts", "failures", "failure_groups"}
    read_model = {table.name for table in tables if "epoch" in table.columns or table.name in counted}
    assert read_model == {"tasks", "task_events", "batches", "schedules", "projection", *counted}
    # So a TRUNCATE … CASCADE of the read model ends at its own tables.
    for table in tables:
        for key in table.foreign_keys:
            assert (table.name in read_model) == (key.column.table.name in read_model)


async def test_migrations_go_down_and_up_again(make_database: Callable[[], Awaitable[str]]) -> None:
    settings = DatabaseSettings(url=await make_database())
    await asyncio.to_thread(command.downgrade, alembic_config(settings), "base")
    await asyncio.to_thread(migrate, settings)


async def test_a_database_url_may_have_the_parameters_of_libpq(make_database: Callable[[], Awaitable[str]]) -> None:
    settings = DatabaseSettings(url=f"{await make_database()}&sslmode=disable&application_name=ours")
    await asyncio.to_thread(migrate, settings)
    config = sqlalchemy_config(settings)
    async with config.create_session_maker()() as session:
        assert await session.scalar(text("SELECT count(*) FROM tasks")) == 0
    await config.get_engine().dispose()


async def test_a_parameter_that_postgres_does_not_know_is_told(make_database: Callable[[], Awaitable[str]]) -> None:
    settings = DatabaseSettings(url=f"{await make_database()}&pgbouncer=true")
    with pytest.raises(MigrationFailed, match="unrecognized configuration parameter"):
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


async def test_a_database_of_a_newer_version_is_left_as_it_is_so_that_a_rollback_can_migrate(
    make_database: Callable[[], Awaitable[str]],
) -> None:
    settings = DatabaseSettings(url=await make_database())
    await _execute(settings, "UPDATE alembic_version SET version_num = '9999'")
    assert await asyncio.to_thread(migrate, settings) == "9999"
    connection = await asyncpg.connect(settings.url)
    assert await connection.fetchval("SELECT version_num FROM alembic_version") == "9999"
    await connection.close()


async def test_a_revision_of_something_else_is_refused(make_database: Callable[[], Awaitable[str]]) -> None:
    settings = DatabaseSettings(url=await make_database())
    await _execute(settings, "UPDATE alembic_version SET version_num = 'c0ffee'")
    with pytest.raises(MigrationFailed, match=r"revision 'c0ffee', which no Headrace has: check HEADRACE_DATABASE_URL"):
        await asyncio.to_thread(migrate, settings)


async def test_a_migration_gives_way_and_begins_again_while_somebody_keeps_a_table(
    make_database: Callable[[], Awaitable[str]],
) -> None:
    settings = DatabaseSettings(url=await make_database())
    await asyncio.to_thread(command.downgrade, alembic_config(settings), "0015")
    holder, reader = [await asyncpg.connect(settings.url) for _ in range(2)]
    transaction = holder.transaction()
    await transaction.start()
    await holder.execute("LOCK TABLE users IN ACCESS SHARE MODE")
    migrating = asyncio.create_task(asyncio.to_thread(migrate, settings))
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'users'::regclass"

    async def is_waiting() -> bool:
        return await holder.fetchval(waiting) == 1

    await until(is_waiting, "the migration to wait for the table")
    # Whoever comes after the migration waits behind it, and is let through when the migration gives way.
    assert await reader.fetchval("SELECT count(*) FROM users") == 0
    assert not migrating.done()
    await transaction.commit()
    assert await migrating is None
    assert await reader.fetchval("SELECT version_num FROM alembic_version") == revisions()[-1]
    for each in (holder, reader):
        await each.close()


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("postgresql://127.0.0.1:1/x", "Postgres cannot be reached .*: check HEADRACE_DATABASE_URL"),
        ("postgresql://postgres@/x?host=/nowhere", "Postgres cannot be reached"),
        ("postgresql://", "Postgres (cannot be reached|refuses)"),
    ],
)
def test_without_postgres_a_migration_fails_with_a_line_that_says_what_to_do(url: str, said: str) -> None:
    with pytest.raises(MigrationFailed, match=said) as caught:
        migrate(DatabaseSettings(url=url))
    assert "\n" not in str(caught.value)


def test_who_has_named_no_database_is_told_that_up_migrates_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise ConnectionRefusedError("Connect call failed")

    # Some server may listen at the default address of this machine.
    monkeypatch.setattr(command, "upgrade", refuse)
    with pytest.raises(
        MigrationFailed, match=r"set HEADRACE_DATABASE_URL; the database of `headrace up` is migrated by `up`"
    ):
        migrate(DatabaseSettings())


async def test_a_database_that_is_not_there_is_told(postgres: EmbeddedPostgres) -> None:
    with pytest.raises(MigrationFailed, match=r'Postgres refuses .*"nowhere" does not exist'):
        await asyncio.to_thread(migrate, DatabaseSettings(url=postgres.url("nowhere")))


async def test_tasks_that_failed_before_there_was_a_column_for_the_code_have_theirs(
    make_database: Callable[[], Awaitable[str]],
) -> None:
    settings = DatabaseSettings(url=await make_database())
    await asyncio.to_thread(command.downgrade, alembic_config(settings), "0004")
    engine = create_async_engine(sqlalchemy_url(settings.url))
    errors = [None, '{"code":"raised","message":"a\\u0000b"}', '{"code":"timeout","message":"late","traceback":null}']
    async with engine.begin() as connection:
        for number, error in enumerate(errors):
            await connection.execute(
                text(
                    "INSERT INTO tasks (id, kind, priority, owner, state, attempt, input, files, error, created_at, epoch,"
                    " sequence) VALUES (:id, 'echo', 'normal', 'u1', 'failed', 1, '{}', '[]', CAST(:error AS json), now(), 1, 1)"
                ),
                {"id": f"t{number}", "error": error},
            )
    await asyncio.to_thread(migrate, settings)
    async with engine.connect() as connection:
        codes = (await connection.execute(text("SELECT code FROM tasks ORDER BY id"))).scalars().all()
    await engine.dispose()
    assert codes == [None, "raised", "timeout"]


async def _execute(settings: DatabaseSettings, statement: str) -> None:
    connection = await asyncpg.connect(settings.url)
    await connection.execute(statement)
    await connection.close()


def _environ() -> dict[str, str]:
    import os

    return dict(os.environ)


def test_the_names_of_the_migrations_are_their_revisions() -> None:
    scripts = ScriptDirectory.from_config(alembic_config(DatabaseSettings()))
    assert revisions() == tuple(reversed([each.revision for each in scripts.walk_revisions()]))


def test_a_database_that_is_behind_is_told_apart_from_one_of_a_newer_version() -> None:
    *older, newest = revisions()
    assert describe_gap(newest) is None
    assert describe_gap("9999") is None
    needs = f"and this version needs {newest}: run `headrace migrate`"
    assert describe_gap(None) == f"the database has no revision, {needs}"
    assert describe_gap(older[-1]) == f"the database has revision {older[-1]}, {needs}"
