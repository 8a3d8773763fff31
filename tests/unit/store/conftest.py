"""A database of its own for the tests of the queries about identity, with a user in it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable

import pytest

from headrace.api.identity_database import IdentityDatabase
from headrace.settings import DatabaseSettings
from headrace.store.engine import sqlalchemy_config


@pytest.fixture(scope="module")
async def database(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[IdentityDatabase]:
    """The tables of identity; each test makes users of its own."""
    config = sqlalchemy_config(DatabaseSettings(url=await make_database(), pool=25))
    yield IdentityDatabase(config.create_session_maker())
    await config.get_engine().dispose()
