"""Sessions: each refresh token is used once, by however many tabs, and one that is used again ends its session."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import pytest

from headrace.api.identity_database import WORK_SECONDS, IdentityDatabase
from headrace.store.identity_tables import SessionRow
from headrace.store.sessions import (
    SESSIONS_PER_OWNER_MAX,
    Repeated,
    Reused,
    Rotated,
    find_live_session,
    list_live_sessions,
    open_session,
    revoke_session,
    revoke_sessions,
    rotate_refresh_token,
)
from headrace.store.users import insert_user
from tests.unit.store.identity_rows import DAY, NOW, SECOND, make_session, make_user, new_id

IDLE = 7 * DAY


def token(family: SessionRow, number: int) -> bytes:
    """The hash of the token of a session after so many rotations."""
    return f"{number} {family.id}".encode()


@pytest.fixture
async def family(database: IdentityDatabase) -> SessionRow:
    """A session that was just opened."""
    user = make_user()
    row = make_session(user.id)
    async with database.transaction() as session:
        await insert_user(session, user)
        await open_session(session, row, token(row, 0))
    return row


async def use(
    database: IdentityDatabase, family: SessionRow, number: int, after: timedelta, to: int | None = None
) -> Rotated | Repeated | Reused | None:
    """Present a token so long after the session was opened."""
    successor = token(family, number + 1 if to is None else to)
    async with database.transaction() as session:
        return await rotate_refresh_token(
            session, [b"by a newer secret", token(family, number)], successor, NOW + after, idle=IDLE, overlap=10 * SECOND
        )  # fmt: skip


async def is_open(database: IdentityDatabase, family: SessionRow, at: datetime = NOW) -> bool:
    async with database.transaction() as session:
        return await find_live_session(session, family.id, at) is not None


async def test_each_token_is_followed_by_another_and_keeps_the_session_alive(
    database: IdentityDatabase, family: SessionRow
) -> None:
    for number in range(1, 5):
        rotated = await use(database, family, number - 1, number * 6 * DAY)
        assert isinstance(rotated, Rotated)
        assert rotated.session.ends_at == NOW + min(number * 6 * DAY + IDLE, 30 * DAY)
        assert rotated.user.id == family.owner
    assert await use(database, family, 4, 30 * DAY) is None


async def test_twenty_tabs_that_refresh_at_once_are_all_given_the_same_token(
    database: IdentityDatabase, family: SessionRow
) -> None:
    outcomes = await asyncio.gather(*(use(database, family, 0, SECOND) for _ in range(20)))
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Repeated"] * 19 + ["Rotated"]
    assert {each.successor for each in outcomes if isinstance(each, Repeated)} == {token(family, 1)}
    assert isinstance(await use(database, family, 1, 2 * SECOND), Rotated)


async def test_a_token_that_is_used_again_too_late_ends_its_session(
    database: IdentityDatabase, family: SessionRow
) -> None:
    await use(database, family, 0, SECOND)
    assert isinstance(await use(database, family, 0, 12 * SECOND), Reused)
    assert not await is_open(database, family)
    assert await use(database, family, 1, 13 * SECOND) is None


async def test_a_token_before_the_previous_one_ends_its_session_at_any_time(
    database: IdentityDatabase, family: SessionRow
) -> None:
    await use(database, family, 0, SECOND)
    await use(database, family, 1, SECOND)
    assert isinstance(await use(database, family, 0, SECOND), Reused)
    assert not await is_open(database, family)


async def test_an_unknown_token_ends_nothing(database: IdentityDatabase, family: SessionRow) -> None:
    assert await use(database, family, 7, SECOND) is None
    assert await is_open(database, family)


async def test_a_session_that_is_not_used_ends(database: IdentityDatabase, family: SessionRow) -> None:
    assert await is_open(database, family, NOW + IDLE - SECOND)
    assert not await is_open(database, family, NOW + IDLE)
    assert await use(database, family, 0, IDLE) is None


async def test_a_session_is_ended_by_its_owner_and_by_nobody_else(
    database: IdentityDatabase, family: SessionRow
) -> None:
    async with database.transaction() as session:
        assert not await revoke_session(session, new_id(), family.id, NOW)
        assert await revoke_session(session, family.owner, family.id, NOW)
        assert not await revoke_session(session, family.owner, family.id, NOW)
    assert await use(database, family, 0, SECOND) is None


async def test_all_sessions_but_one_end_at_once(database: IdentityDatabase, family: SessionRow) -> None:
    others = [make_session(family.owner) for _ in range(3)]
    async with database.transaction() as session:
        for other in others:
            await open_session(session, other, token(other, 0))
        ended = await revoke_sessions(session, family.owner, NOW, keep=family.id)
        left = await list_live_sessions(session, family.owner, NOW, family.id)
    assert set(ended) == {other.id for other in others}
    assert [(each.id, each.current) for each in left] == [(family.id, True)]


async def test_the_oldest_sessions_make_room_for_new_ones_however_many_sign_in_at_once(
    database: IdentityDatabase,
) -> None:
    user = make_user()
    async with database.transaction() as session:
        await insert_user(session, user)

    async def sign_in(number: int) -> list[str]:
        row = make_session(user.id, created_at=NOW + number * SECOND)
        # Each waits for all before it, which is longer than a request may on a busy machine.
        async with database.transaction(WORK_SECONDS) as session:
            return await open_session(session, row, token(row, 0))

    ended = await asyncio.gather(*(sign_in(number) for number in range(SESSIONS_PER_OWNER_MAX + 10)))
    async with database.transaction() as session:
        live = await list_live_sessions(session, user.id, NOW + DAY)
    assert len(live) == SESSIONS_PER_OWNER_MAX
    assert sum(map(len, ended)) == 10
