"""Which errors the API answers with 503, and which with 500, when it reads the read model."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any, cast

import asyncpg
import pytest
from sqlalchemy import text

from headrace.api.read_model import ReadModel
from headrace.contracts.positions import Position
from headrace.errors import ReadModelBehind, ReadModelUnavailable
from headrace.settings import DatabaseSettings
from headrace.store.checkpoints import read_checkpoint
from headrace.store.engine import sqlalchemy_config
from tests.waiting import until


@pytest.fixture
async def read_model(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[ReadModel]:
    config = sqlalchemy_config(DatabaseSettings(url=await make_database(), pool=1))
    opened = ReadModel(config.create_session_maker())
    yield opened
    await opened.close()
    await config.get_engine().dispose()


async def run(read_model: ReadModel, statement: str, **parameters: object) -> None:
    async with read_model.session() as session:
        await session.execute(text(statement), parameters)


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        ("SELECT 1 / 0", {}),
        ("SELECT no_function()", {}),
        ("SELEC", {}),
        ("SELECT CAST(:text AS json) ->> 'a'", {"text": '{"a": "\\u0000"}'}),
        ("SELECT CAST(:text AS text)", {"text": "a\0b"}),
        ("SELECT CAST(:text AS text)", {"text": "\ud800"}),
        ("SELECT CAST(:number AS int)", {"number": 2**31}),
        ("INSERT INTO projection VALUES ('tasks', 1, 1), ('tasks', 1, 1)", {}),
    ],
)
async def test_an_error_of_a_query_or_of_its_data_is_not_taken_for_an_outage(
    read_model: ReadModel, statement: str, parameters: dict[str, object]
) -> None:
    with pytest.raises(Exception) as raised:  # noqa: PT011 - SQLAlchemy's error, of whatever kind
        await run(read_model, statement, **parameters)
    assert not isinstance(raised.value, ReadModelUnavailable)
    await run(read_model, "SELECT 1")


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT pg_terminate_backend(pg_backend_pid())",
        "DO $$ BEGIN RAISE 'stopping' USING ERRCODE = '57P01'; END $$",
        "DO $$ BEGIN RAISE 'full' USING ERRCODE = '53100'; END $$",
        "SELECT * FROM no_table",
        "SELECT no_column FROM tasks",
    ],
)
async def test_a_postgres_that_cannot_be_used_now_is_an_outage(read_model: ReadModel, statement: str) -> None:
    with pytest.raises(ReadModelUnavailable):
        await run(read_model, statement)
    await run(read_model, "SELECT 1")


async def test_a_full_pool_is_an_outage(read_model: ReadModel) -> None:
    async with read_model.session() as session:
        await session.execute(text("SELECT 1"))
        with pytest.raises(ReadModelUnavailable):
            await run(read_model, "SELECT 1")


@pytest.mark.parametrize("listens", [False, True])
async def test_a_postgres_that_refuses_or_is_silent_is_an_outage(listens: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        if not listens:
            server.close()
        config = sqlalchemy_config(DatabaseSettings(url=f"postgresql://postgres@127.0.0.1:{port}/x"))
        with pytest.raises(ReadModelUnavailable):
            await run(ReadModel(config.create_session_maker()), "SELECT 1")
        await config.get_engine().dispose()


async def test_a_position_that_the_projector_does_not_reach_in_time_is_told_as_such(read_model: ReadModel) -> None:
    with pytest.raises(ReadModelBehind):
        await read_model.reach(Position(1, 1), 0.1)


async def test_a_read_model_that_is_closed_leaves_no_connection_in_use(
    make_database: Callable[[], Awaitable[str]],
) -> None:
    config = sqlalchemy_config(DatabaseSettings(url=await make_database(), pool=1))
    read_model = ReadModel(config.create_session_maker())
    waiting = asyncio.create_task(read_model.reach(Position(1, 1), 60))
    await until(lambda: read_model._polling is not None, "it polls")
    await read_model.close()
    assert cast("Any", config.get_engine().pool).checkedout() == 0
    waiting.cancel()
    await asyncio.wait({waiting})
    await config.get_engine().dispose()


async def test_a_postgres_that_does_not_answer_is_said_to_a_probe_in_time_and_by_one_check(
    read_model: ReadModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.api.read_model.CHECK_SECONDS", 0.1)
    frozen, asked = asyncio.Event(), 0

    async def check() -> str | None:
        nonlocal asked
        asked += 1
        await frozen.wait()
        return None

    monkeypatch.setattr(read_model, "_check", check)
    assert (
        await asyncio.gather(*(read_model.problem() for _ in range(3)))
        == ["Postgres cannot be used: no answer within 0.1 s"] * 3
    )
    frozen.set()
    assert await read_model.problem() is None
    assert asked == 1


async def test_a_snapshot_sees_one_moment_whatever_is_written_meanwhile_and_writes_nothing(
    make_database: Callable[[], Awaitable[str]],
) -> None:
    config = sqlalchemy_config(DatabaseSettings(url=await make_database(), pool=2))
    read_model = ReadModel(config.create_session_maker())
    insert = text("INSERT INTO projection (name, epoch, sequence) VALUES ('tasks', 1, 7)")
    async with read_model.snapshot() as session:
        assert await read_checkpoint(session) is None
        async with read_model.session() as writing:
            await writing.execute(insert)
            await writing.commit()
        assert await read_checkpoint(session) is None
    assert await read_model.has_reached(Position(1, 7))
    async with read_model.snapshot(keeps_plans=True) as snapshot:
        assert await snapshot.scalar(text("SHOW plan_cache_mode")) == "force_generic_plan"
        assert await snapshot.scalar(text("SHOW transaction_isolation")) == "repeatable read"
    # What was set for the snapshot is not left behind in its connection.
    for _ in range(3):
        async with read_model.session() as session:
            assert await session.scalar(text("SHOW transaction_isolation")) == "read committed"
            assert await session.scalar(text("SHOW transaction_read_only")) == "off"
            assert await session.scalar(text("SHOW plan_cache_mode")) == "force_custom_plan"
            assert await session.scalar(text("SHOW enable_seqscan")) == "on"
    async with read_model.snapshot() as session:
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await session.execute(insert)
    await config.get_engine().dispose()


async def test_a_connection_on_which_a_statement_was_given_up_is_not_used_again(read_model: ReadModel) -> None:
    async def backend() -> int:
        async with read_model.snapshot() as snapshot:
            return await snapshot.scalar(text("SELECT pg_backend_pid()"))

    first = await backend()
    assert await backend() == first
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1), read_model.snapshot() as snapshot:
            await snapshot.execute(text("SELECT pg_sleep(60)"))
    second = await backend()
    assert second != first
    with pytest.raises(asyncpg.DivisionByZeroError):
        async with read_model.snapshot() as snapshot:
            await snapshot.execute(text("SELECT 1 / 0"))
    assert await backend() not in (first, second)


async def test_a_connection_that_postgres_has_ended_is_replaced_before_it_is_used(
    make_database: Callable[[], Awaitable[str]],
) -> None:
    url = await make_database()
    config = sqlalchemy_config(DatabaseSettings(url=url, pool=1))
    read_model = ReadModel(config.create_session_maker())
    async with config.get_engine().connect() as connection:
        driver: Any = (await connection.get_raw_connection()).driver_connection
    other = await asyncpg.connect(url)
    await other.execute("SELECT pg_terminate_backend($1)", driver.get_server_pid())
    await other.close()
    await until(driver.is_closed, "the driver knows")
    await run(read_model, "SELECT 1")
    async with read_model.snapshot() as snapshot:
        assert await snapshot.scalar(text("SELECT 1")) == 1
    await config.get_engine().dispose()
