"""Transactions on accounts and credentials: whole or not at all, and an outage of Postgres is one error."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import ExitStack, contextmanager
from time import monotonic

import pytest
from sqlalchemy import text

from headrace.api.identity_database import IdentityDatabase
from headrace.identity_errors import IdentityUnavailable, UserNotFound
from headrace.settings import DatabaseSettings
from headrace.store.api_keys import find_key_by_hash
from headrace.store.engine import sqlalchemy_config
from headrace.store.users import find_user, insert_user
from tests.unit.store.identity_rows import NOW, make_user

BACKEND = text("SELECT pg_backend_pid()")
END_CONNECTIONS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"


@pytest.fixture
async def url(make_database: Callable[[], Awaitable[str]]) -> str:
    return await make_database()


@pytest.fixture
async def database(url: str) -> AsyncGenerator[IdentityDatabase]:
    config = sqlalchemy_config(DatabaseSettings(url=url, pool=1))
    yield IdentityDatabase(config.create_session_maker())
    await config.get_engine().dispose()


async def end_connections(url: str) -> None:
    config = sqlalchemy_config(DatabaseSettings(url=url, pool=1))
    async with config.get_engine().connect() as connection:
        await connection.execute(text(END_CONNECTIONS))
    await config.get_engine().dispose()


async def test_an_error_in_the_block_undoes_all_of_its_changes_and_passes_through(database: IdentityDatabase) -> None:
    user = make_user()

    async def insert_and_fail() -> None:
        async with database.transaction() as session:
            assert await insert_user(session, user)
            raise UserNotFound("there is no such user")

    with pytest.raises(UserNotFound):
        await insert_and_fail()
    async with database.transaction() as session:
        assert await find_user(session, user.id) is None


async def test_a_connection_that_breaks_in_the_middle_is_an_outage_and_the_next_one_works(
    database: IdentityDatabase, url: str
) -> None:
    user = make_user()

    async def change() -> None:
        async with database.transaction() as session:
            await insert_user(session, user)
            await end_connections(url)
            await find_user(session, user.id)

    async def look_up() -> None:
        async with database.connection() as connection:
            await end_connections(url)
            await find_key_by_hash(connection, [b"unknown"], NOW)

    for broken in (change, look_up):
        with pytest.raises(IdentityUnavailable):
            await broken()
    async with database.connection() as connection:
        assert await find_key_by_hash(connection, [b"unknown"], NOW) is None
    async with database.transaction() as session:
        assert await find_user(session, user.id) is None


async def test_without_postgres_nothing_is_begun() -> None:
    config = sqlalchemy_config(DatabaseSettings(url="postgresql://127.0.0.1:1/x"))
    database = IdentityDatabase(config.create_session_maker())
    for begin in (database.transaction, database.connection):
        with pytest.raises(IdentityUnavailable, match="try again"):
            async with begin() as opened:
                await find_key_by_hash(opened, [b"unknown"], NOW)
    await config.get_engine().dispose()


@contextmanager
def frozen(pid: int) -> Generator[None]:
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


async def test_a_postgres_that_hangs_is_left_in_time_wherever_it_does(database: IdentityDatabase) -> None:
    async def hang_in_statement(stack: ExitStack) -> None:
        async with database.transaction(0.3) as session:
            stack.enter_context(frozen(await session.scalar(BACKEND)))
            await find_user(session, "somebody")

    async def hang_in_commit(stack: ExitStack) -> None:
        async with database.transaction(0.3) as session:
            stack.enter_context(frozen(await session.scalar(BACKEND)))

    async def hang_in_rollback(stack: ExitStack) -> None:
        async with database.transaction(0.3) as session:
            stack.enter_context(frozen(await session.scalar(BACKEND)))
            raise UserNotFound("there is no such user")

    for hang in (hang_in_statement, hang_in_commit, hang_in_rollback):
        with ExitStack() as stack:
            began = monotonic()
            with pytest.raises(IdentityUnavailable, match="try again"):
                await hang(stack)
            assert monotonic() - began < 1.5
            # The pool of one connection has room again.
            async with database.transaction() as session:
                assert await find_user(session, "somebody") is None
