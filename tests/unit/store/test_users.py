"""Users: one for each email address, and what goes with them when they are deleted."""

from __future__ import annotations

import asyncio

import pytest

from headrace.api.identity_database import IdentityDatabase
from headrace.contracts.identity import Role, UserState
from headrace.identity_errors import UserNotFound
from headrace.store import api_keys, one_time_tokens, sessions, users
from headrace.store.identity_tables import OneTimeTokenRow
from tests.unit.store.identity_rows import DAY, NOW, SECOND, make_key, make_session, make_user, new_id


async def test_an_email_address_has_one_account_whatever_its_case(database: IdentityDatabase) -> None:
    row = make_user(email=f"Ada.{new_id()}@Example.com")
    async with database.transaction() as session:
        assert await users.insert_user(session, row)
        assert not await users.insert_user(session, make_user(email=str(row.email).lower()))
        assert await users.find_by_email(session, str(row.email).upper()) == row
        assert await users.find_by_email(session, "nobody@example.com") is None


async def test_any_number_of_accounts_have_no_email_address(database: IdentityDatabase) -> None:
    async with database.transaction() as session:
        for _ in range(2):
            assert await users.insert_user(session, make_user(email=None, role="service", password=None))


async def test_of_many_who_register_an_address_at_once_one_has_it(database: IdentityDatabase) -> None:
    email = f"{new_id()}@example.com"

    async def register() -> bool:
        async with database.transaction() as session:
            return await users.insert_user(session, make_user(email=email))

    assert sorted(await asyncio.gather(*(register() for _ in range(10)))) == [False] * 9 + [True]


async def test_the_pages_of_a_list_have_every_user_once_from_the_newest_on(database: IdentityDatabase) -> None:
    made = [make_user(role="service", created_at=NOW + DAY + n // 2 * SECOND) for n in range(5)]
    async with database.transaction() as session:
        for row in made:
            await users.insert_user(session, row)
        wanted = users.UserFilter(UserState.ACTIVE, Role.SERVICE)
        first, after = await users.list_users(session, wanted, None, 2)
        assert after is not None
        rest, end = await users.list_users(session, wanted, after, 3)
    newest = sorted(made, key=lambda row: (row.created_at, row.id), reverse=True)
    assert [user.id for user in [*first, *rest]] == [row.id for row in newest]
    assert end is None or end.created_at > NOW


async def test_when_a_user_was_seen_is_written_once_a_minute(database: IdentityDatabase) -> None:
    row = make_user()
    seen = []
    async with database.transaction() as session:
        await users.insert_user(session, row)
        for seconds in (0, 59, 61):
            await users.note_seen(session, [row.id], NOW + seconds * SECOND)
            found = await users.find_user(session, row.id)
            seen.append(found and found.seen_at)
    assert seen == [NOW, NOW, NOW + 61 * SECOND]


async def test_two_who_disable_the_last_two_administrators_at_once_leave_one(database: IdentityDatabase) -> None:
    admins = [make_user(role="admin"), make_user(role="admin")]
    async with database.transaction() as session:
        for row in admins:
            await users.insert_user(session, row)

    async def disable(user: str) -> None:
        async with database.transaction() as session:
            if len(await users.lock_active_admins(session)) > 1:
                await users.change_user(session, user, state="disabled")

    await asyncio.gather(*(disable(row.id) for row in admins))
    async with database.transaction() as session:
        assert len(await users.lock_active_admins(session)) == 1


async def test_a_deleted_user_takes_its_sessions_and_keys_along(database: IdentityDatabase) -> None:
    row = make_user()
    family, key = make_session(row.id), make_key(row.id)
    async with database.transaction() as session:
        await users.insert_user(session, row)
        await sessions.open_session(session, family, b"refresh " + row.id.encode())
        await api_keys.insert_key(session, key)
        token = OneTimeTokenRow(hash=row.id.encode(), purpose="reset", owner=row.id, expires_at=NOW + DAY)
        await one_time_tokens.replace_token(session, token)
        assert await users.delete_user(session, row.id)
        assert not await users.delete_user(session, row.id)
        assert await sessions.find_live_session(session, family.id, NOW) is None
        assert await api_keys.find_key_by_hash(session, [key.hash], NOW) is None
        with pytest.raises(UserNotFound):
            await users.change_user(session, row.id, role="admin")
