"""API keys: found by their hash while they are live, and never more than a hundred of one owner."""

from __future__ import annotations

import asyncio

import pytest

from headrace.api.identity_database import WORK_SECONDS, IdentityDatabase
from headrace.contracts.identity import Role, Scope, UserState
from headrace.identity_errors import TooManyApiKeys, UserNotFound
from headrace.store.api_keys import (
    KEYS_PER_OWNER_MAX,
    find_key_by_hash,
    insert_key,
    list_keys,
    note_used,
    revoke_key,
    revoke_keys,
)
from headrace.store.users import change_user, insert_user
from tests.unit.store.identity_rows import DAY, NOW, SECOND, make_key, make_user, new_id


@pytest.fixture
async def owner(database: IdentityDatabase) -> str:
    user = make_user()
    async with database.transaction() as session:
        await insert_user(session, user)
    return user.id


async def test_a_key_is_found_by_one_of_its_hashes_with_the_role_and_state_of_its_owner(
    database: IdentityDatabase, owner: str
) -> None:
    key = make_key(owner)
    async with database.transaction() as session:
        await insert_key(session, key)
        await change_user(session, owner, role="admin", state="disabled")
        assert await find_key_by_hash(session, [b"by a newer secret", key.hash], NOW) == (
            key,
            Role.ADMIN,
            UserState.DISABLED,
        )
        assert await find_key_by_hash(session, [b"unknown"], NOW) is None


async def test_a_key_that_is_revoked_or_has_expired_is_not_found_and_still_listed(
    database: IdentityDatabase, owner: str
) -> None:
    lasting, ending = make_key(owner), make_key(owner, expires_at=NOW + DAY, created_at=NOW + SECOND)
    async with database.transaction() as session:
        for key in (lasting, ending):
            await insert_key(session, key)
        assert await find_key_by_hash(session, [ending.hash], NOW + DAY - SECOND) is not None
        assert await find_key_by_hash(session, [ending.hash], NOW + DAY) is None
        assert not await revoke_key(session, new_id(), lasting.id, NOW)
        assert await revoke_key(session, owner, lasting.id, NOW) == NOW
        assert await revoke_key(session, owner, lasting.id, NOW + DAY) == NOW
        assert await find_key_by_hash(session, [lasting.hash], NOW) is None
        keys, more = await list_keys(session, owner, None, 10)
    assert [(key.id, key.revoked_at, key.scopes) for key in keys] == [
        (ending.id, None, [Scope.TASKS_READ]),
        (lasting.id, NOW, [Scope.TASKS_READ]),
    ]
    assert more is None


async def test_an_owner_has_a_hundred_live_keys_at_most_however_many_are_made_at_once(
    database: IdentityDatabase, owner: str
) -> None:
    dead = [make_key(owner, revoked_at=NOW) for _ in range(10)]

    async def make() -> bool:
        try:
            async with database.transaction(WORK_SECONDS) as session:
                await insert_key(session, make_key(owner))
        except TooManyApiKeys:
            return False
        return True

    async with database.transaction(WORK_SECONDS) as session:
        for key in [*dead, *(make_key(owner) for _ in range(KEYS_PER_OWNER_MAX - 5))]:
            await insert_key(session, key)
    assert sum(await asyncio.gather(*(make() for _ in range(15)))) == 5
    async with database.transaction(WORK_SECONDS) as session:
        assert len(await revoke_keys(session, owner, NOW)) == KEYS_PER_OWNER_MAX
    assert await make()


async def test_a_key_for_somebody_who_was_deleted_is_refused(database: IdentityDatabase) -> None:
    with pytest.raises(UserNotFound):
        async with database.transaction() as session:
            await insert_key(session, make_key(new_id()))


async def test_when_a_key_was_used_is_written_once_a_minute(database: IdentityDatabase, owner: str) -> None:
    key = make_key(owner)
    used = []
    async with database.transaction() as session:
        await insert_key(session, key)
        for seconds in (0, 59, 61):
            await note_used(session, [key.id], NOW + seconds * SECOND)
            used.append((await list_keys(session, owner, None, 1))[0][0].used_at)
    assert used == [NOW, NOW, NOW + 61 * SECOND]
