"""An installation has one first administrator, whoever and however many ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from headrace.identity.principals import LOCAL
from headrace.store.engine import sqlalchemy_url
from headrace.store.first_admin import FIRST_ADMIN, create_first_admin, has_admin

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
async def engine(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[AsyncEngine]:
    engine = create_async_engine(sqlalchemy_url(await make_database()))
    yield engine
    await engine.dispose()


async def create(engine: AsyncEngine, email: str) -> str | None:
    async with AsyncSession(engine) as session, session.begin():
        return await create_first_admin(session, email, "a hash", NOW)


async def test_of_processes_that_make_the_first_administrator_at_the_same_time_one_does(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        assert not await has_admin(session)
    made = await asyncio.gather(*(create(engine, f"admin{n}@example.com") for n in range(4)))
    assert sorted(made, key=str) == [None, None, None, FIRST_ADMIN]
    assert FIRST_ADMIN == LOCAL
    async with AsyncSession(engine) as session:
        assert await has_admin(session)
        users = (await session.execute(text("SELECT id, email, role, state FROM users"))).all()
    assert users == [(FIRST_ADMIN, f"admin{made.index(FIRST_ADMIN)}@example.com", "admin", "active")]


async def test_the_first_administrator_does_not_take_the_address_of_an_account_that_waits(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session, session.begin():
        await session.execute(
            text(
                "INSERT INTO users (id, email, display_name, role, state, created_at)"
                " VALUES ('u1', 'Ann@example.com', 'Ann', 'member', 'pending', now())"
            )
        )
    assert await create(engine, "ann@EXAMPLE.com") is None
    assert await create(engine, "root@example.com") == FIRST_ADMIN
