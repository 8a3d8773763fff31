"""The engine for reading, as the API does."""

from __future__ import annotations

from advanced_alchemy.config import AsyncSessionConfig
from advanced_alchemy.extensions.litestar import EngineConfig, SQLAlchemyAsyncConfig

from headrace.settings import DatabaseSettings

CONNECT_TIMEOUT_SECONDS = 3  # a database that is away must not hold a request for longer
STATEMENT_TIMEOUT_SECONDS = 10.0


def sqlalchemy_config(settings: DatabaseSettings) -> SQLAlchemyAsyncConfig:
    """Engine and sessions for the read model; connects when first used, so the API starts without Postgres."""
    return SQLAlchemyAsyncConfig(
        connection_string=sqlalchemy_url(settings.url),
        session_config=AsyncSessionConfig(expire_on_commit=False),
        engine_config=EngineConfig(
            pool_size=settings.pool,
            max_overflow=0,
            pool_timeout=CONNECT_TIMEOUT_SECONDS,
            pool_pre_ping=True,  # a pool that outlived a restart of Postgres must not fail its first requests
            connect_args={
                "timeout": CONNECT_TIMEOUT_SECONDS,
                "command_timeout": STATEMENT_TIMEOUT_SECONDS,
                "server_settings": {"application_name": "headrace-api", "jit": "off"},
            },
        ),
    )


def sqlalchemy_url(url: str) -> str:
    """The same database for SQLAlchemy's asyncpg dialect."""
    return "postgresql+asyncpg://" + url.partition("://")[2]
