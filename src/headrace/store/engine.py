"""The engine with which the API reads the read model."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import quote

from advanced_alchemy.config import AsyncSessionConfig, EngineConfig, SQLAlchemyAsyncConfig
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine
from sqlalchemy.pool import NullPool

from headrace.settings import DatabaseSettings

CONNECT_TIMEOUT_SECONDS = 3  # a request waits no longer for a Postgres that cannot be reached
STATEMENT_TIMEOUT_SECONDS = 10.0


def sqlalchemy_config(settings: DatabaseSettings) -> SQLAlchemyAsyncConfig:
    """Configure the engine and its sessions. They connect when first used, so the API starts without Postgres."""
    config = SQLAlchemyAsyncConfig(
        connection_string=sqlalchemy_url(settings.url),
        session_config=AsyncSessionConfig(expire_on_commit=False),
        engine_config=EngineConfig(
            # Errors would repeat what was written: addresses of people and hashes of their secrets.
            hide_parameters=True,
            pool_size=settings.pool,
            max_overflow=0,
            pool_timeout=CONNECT_TIMEOUT_SECONDS,
            connect_args={
                "timeout": CONNECT_TIMEOUT_SECONDS,
                "command_timeout": STATEMENT_TIMEOUT_SECONDS,
                "server_settings": {
                    "application_name": "headrace-api",
                    "jit": "off",
                    # A plan that was cached while the tables were small would read all of them.
                    "plan_cache_mode": "force_custom_plan",
                },
            },
        ),
    )
    event.listen(config.get_engine().sync_engine.pool, "checkout", _refuse_closed)
    return config


def _refuse_closed(connection: Any, _record: Any, _proxy: Any) -> None:
    """Have the pool replace a connection that has ended, so that no request fails on one after a restart of Postgres.

    The driver knows. To ask Postgres would take longer than most of what a connection is wanted for.
    """
    if connection.driver_connection.is_closed():
        raise DisconnectionError


@asynccontextmanager
async def open_session(settings: DatabaseSettings) -> AsyncGenerator[AsyncSession]:
    """Open a session with a connection of its own, for a command that ends with it."""
    engine = create_async_engine(
        sqlalchemy_url(settings.url),
        poolclass=NullPool,
        # What a statement is given is not shown in its errors: hashes, for example.
        hide_parameters=True,
        connect_args={"timeout": CONNECT_TIMEOUT_SECONDS, "command_timeout": STATEMENT_TIMEOUT_SECONDS},
    )
    try:
        async with AsyncSession(engine, expire_on_commit=False) as session:
            yield session
    finally:
        await engine.dispose()


def sqlalchemy_url(url: str) -> str:
    """Return the address of a database for SQLAlchemy, which hands the URL on to asyncpg as it was given.

    So the API and the migrations understand a URL as the projector does, which has no SQLAlchemy: with several hosts, and with
    the parameters of libpq, such as ``sslmode``, which SQLAlchemy would take for arguments of a function.
    """
    return f"postgresql+asyncpg://?dsn={quote(url, safe='')}"
