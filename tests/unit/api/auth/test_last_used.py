"""When a key was used is written once a minute, whatever the number of requests."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from headrace.api.auth.last_used import LastUsed
from headrace.api.identity_database import IdentityDatabase
from headrace.contracts.identity import Role
from headrace.identity.principals import Principal
from headrace.identity_errors import IdentityUnavailable
from headrace.log import clock
from headrace.settings import DatabaseSettings
from headrace.store.api_keys import insert_key, list_keys
from headrace.store.engine import sqlalchemy_config
from headrace.store.users import find_user, insert_user
from tests.unit.store.identity_rows import make_key, make_user


@pytest.fixture
async def database(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[IdentityDatabase]:
    config = sqlalchemy_config(DatabaseSettings(url=await make_database()))
    yield IdentityDatabase(config.create_session_maker())
    await config.get_engine().dispose()


def principal(user: str, credential: str) -> Principal:
    return Principal(id=user, role=Role.MEMBER, scopes=frozenset(), credential=credential)


async def test_what_was_used_is_written_for_the_key_and_for_its_owner(database: IdentityDatabase) -> None:
    users = [make_user(), make_user()]
    keys = [make_key(users[0].id), make_key(users[0].id)]
    async with database.transaction() as session:
        for user in users:
            await insert_user(session, user)
        for key in keys:
            await insert_key(session, key)
    last_used = LastUsed(database)
    for _ in range(3):
        last_used.note(principal(users[0].id, f"key:{keys[0].id}"))
        last_used.note(principal(users[1].id, "session:s1"))
    await last_used.write()
    now = clock.now()
    async with database.transaction() as session:
        used_at = {key.id: key.used_at for key in (await list_keys(session, users[0].id, None, 9))[0]}
        seen_at = [found and found.seen_at for found in [await find_user(session, user.id) for user in users]]
    assert used_at[keys[1].id] is None
    for at in (used_at[keys[0].id], *seen_at):
        assert at is not None
        assert now - at < timedelta(seconds=30)


async def test_an_outage_of_postgres_is_said_and_costs_nothing_more() -> None:
    config = sqlalchemy_config(DatabaseSettings(url="postgresql://127.0.0.1:1/x"))
    last_used = LastUsed(IdentityDatabase(config.create_session_maker()))
    last_used.note(principal("u1", "key:k1"))
    with capture_logs() as lines, pytest.raises(IdentityUnavailable):
        await last_used.write()
    assert lines
    await config.get_engine().dispose()
