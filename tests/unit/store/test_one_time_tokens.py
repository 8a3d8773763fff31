"""One-time tokens: used once, until they expire, and replaced by the next one."""

from __future__ import annotations

import asyncio
import secrets

import pytest

from headrace.api.identity_database import IdentityDatabase
from headrace.store.identity_tables import OneTimeTokenRow
from headrace.store.one_time_tokens import Purpose, replace_token, revoke_tokens, use_token
from headrace.store.users import insert_user
from tests.unit.store.identity_rows import NOW, SECOND, make_user


@pytest.fixture
async def owner(database: IdentityDatabase) -> str:
    user = make_user()
    async with database.transaction() as session:
        await insert_user(session, user)
    return user.id


async def make(database: IdentityDatabase, owner: str, purpose: Purpose = Purpose.RESET) -> bytes:
    row = OneTimeTokenRow(hash=secrets.token_bytes(32), purpose=purpose, owner=owner, expires_at=NOW + 60 * SECOND)
    async with database.transaction() as session:
        await replace_token(session, row)
    return row.hash


async def use(database: IdentityDatabase, token: bytes, purpose: Purpose = Purpose.RESET, after: int = 0) -> str | None:
    async with database.transaction() as session:
        return await use_token(session, [b"by a newer secret", token], purpose, NOW + after * SECOND)


async def test_of_many_who_use_a_token_at_once_one_succeeds(database: IdentityDatabase, owner: str) -> None:
    token = await make(database, owner)
    used = await asyncio.gather(*(use(database, token) for _ in range(10)))
    assert (used.count(owner), used.count(None)) == (1, 9)


async def test_a_token_is_of_no_use_for_another_purpose_or_after_its_time(
    database: IdentityDatabase, owner: str
) -> None:
    token = await make(database, owner)
    assert await use(database, token, Purpose.ENTER) is None
    assert await use(database, token, after=60) is None
    assert await use(database, token, after=59) == owner


async def test_a_new_token_replaces_the_one_before_it_for_the_same_purpose(
    database: IdentityDatabase, owner: str
) -> None:
    entering, first = await make(database, owner, Purpose.ENTER), await make(database, owner)
    second = await make(database, owner)
    assert await use(database, first) is None
    assert await use(database, second) == owner
    assert await use(database, entering, Purpose.ENTER) == owner


async def test_of_tokens_that_are_made_at_once_one_remains(database: IdentityDatabase, owner: str) -> None:
    tokens = await asyncio.gather(*(make(database, owner) for _ in range(10)))
    assert [await use(database, token) for token in tokens].count(owner) == 1


async def test_the_tokens_of_a_user_can_be_made_invalid(database: IdentityDatabase, owner: str) -> None:
    token = await make(database, owner)
    async with database.transaction() as session:
        await revoke_tokens(session, owner)
    assert await use(database, token) is None
