"""Sessions on a real database, by a clock that tests set."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest

from headrace.api.auth.opened_session import Device
from headrace.api.auth.sessions import Sessions
from headrace.api.identity_database import IdentityDatabase
from headrace.contracts.audit import Action
from headrace.contracts.identity import Role, UserState
from headrace.identity.access_tokens import AccessTokens
from headrace.identity.passwords import Passwords
from headrace.identity.refresh_tokens import ABSOLUTE, IDLE, OVERLAP
from headrace.identity.secrets import Secrets
from headrace.identity_errors import AccountDisabled, NotAuthenticated, SignInRefused
from headrace.settings import DatabaseSettings
from headrace.store.engine import sqlalchemy_config
from headrace.store.identity_tables import OneTimeTokenRow
from headrace.store.one_time_tokens import Purpose, replace_token
from headrace.store.users import change_user, insert_user
from tests.unit.store.identity_rows import make_user

NOW = datetime(2030, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)
PASSWORD = "a sentence that nobody guesses"
HERE = Device("127.0.0.1", "a test")
OLD, NEW = "o" * 32, "n" * 32


class Office:
    """Sessions, with the time and what was announced."""

    def __init__(self, database: IdentityDatabase, *secrets: str) -> None:
        self.database = database
        self.now = NOW
        self.announced: list[str] = []
        self.recorded: list[tuple[Action, dict[str, object]]] = []
        self.secrets = Secrets(secrets or [OLD])
        self.tokens = AccessTokens(self.secrets, lambda: self.now.timestamp())
        self.passwords = Passwords()
        self.sessions = Sessions(self.secrets, self.tokens, database, self.passwords, self._announce, lambda: self.now)

    async def record(self, action: Action, **what: object) -> None:
        assert what.pop("session") is not None, "it is recorded in the transaction that makes the change"
        self.recorded.append((action, what))

    async def _announce(self, *ended: str) -> None:
        self.announced += ended

    async def make_user(self, **fields: object) -> str:
        """Make an account with the password of these tests; its email address."""
        user = make_user(**{"password": await self.passwords.hash_new(PASSWORD), **fields})
        async with self.database.transaction() as transaction:
            assert await insert_user(transaction, user)
        return user.email or user.id

    async def make_link(self, user: str) -> str:
        token = f"link of {user}"
        row = OneTimeTokenRow(
            hash=self.secrets.hash(token),
            purpose=Purpose.ENTER,
            owner=user,
            expires_at=self.now + timedelta(minutes=15),
        )
        async with self.database.transaction() as transaction:
            await replace_token(transaction, row)
        return token


@pytest.fixture(scope="module")
async def database(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[IdentityDatabase]:
    config = sqlalchemy_config(DatabaseSettings(url=await make_database(), pool=25))
    yield IdentityDatabase(config.create_session_maker())
    await config.get_engine().dispose()


@pytest.fixture
def office(database: IdentityDatabase) -> Office:
    return Office(database)


async def test_a_sign_in_gives_an_access_token_that_needs_no_database(office: Office) -> None:
    opened = await office.sessions.sign_in((await office.make_user()).upper(), PASSWORD, HERE, office.record)
    claims = office.tokens.verify(opened.access.token)
    assert (claims.sub, claims.sid) == (opened.user.id, opened.row.id)
    assert (claims.role, claims.state) == (Role.MEMBER, UserState.ACTIVE)
    assert (opened.row.address, opened.row.agent) == HERE


async def test_an_unknown_a_wrong_and_a_missing_password_are_refused_alike(office: Office) -> None:
    known, without = await office.make_user(), await office.make_user(password=None)
    told = set[tuple[int, str, str, str]]()
    for email, password in (
        (known, "another sentence that is wrong"),
        (without, PASSWORD),
        ("nobody@example.com", PASSWORD),
        ("\0", PASSWORD),
        ("", ""),
        (known, ""),
    ):
        with pytest.raises(SignInRefused) as refused:
            await office.sessions.sign_in(email, password, HERE, office.record)
        told.add((refused.value.status, refused.value.code, refused.value.message, refused.value.challenge))
    assert len(told) == 1


@pytest.mark.parametrize("state", [UserState.PENDING, UserState.REJECTED])
async def test_an_account_that_is_not_approved_signs_in_to_its_own_state(office: Office, state: UserState) -> None:
    opened = await office.sessions.sign_in(await office.make_user(state=state), PASSWORD, HERE, office.record)
    assert office.tokens.verify(opened.access.token).state is state


async def test_a_disabled_account_is_told_so_by_its_right_password_only(office: Office) -> None:
    email = await office.make_user(state="disabled", reason="you asked for it")
    with pytest.raises(AccountDisabled, match="you asked for it"):
        await office.sessions.sign_in(email, PASSWORD, HERE, office.record)
    with pytest.raises(SignInRefused):
        await office.sessions.sign_in(email, "another sentence that is wrong", HERE, office.record)


async def test_a_refresh_shows_what_has_become_of_the_account(office: Office) -> None:
    opened = await office.sessions.sign_in(await office.make_user(state="pending"), PASSWORD, HERE, office.record)
    async with office.database.transaction() as transaction:
        await change_user(transaction, opened.user.id, state="active", role="admin")
    refreshed = await office.sessions.refresh(opened.refresh_token, office.record)
    claims = office.tokens.verify(refreshed.access.token)
    assert (claims.state, claims.role, claims.sid) == (UserState.ACTIVE, Role.ADMIN, opened.row.id)
    async with office.database.transaction() as transaction:
        await change_user(transaction, opened.user.id, state="disabled")
    with pytest.raises(AccountDisabled):
        await office.sessions.refresh(refreshed.refresh_token, office.record)


async def test_twenty_tabs_that_refresh_at_once_go_on_with_one_token(office: Office) -> None:
    opened = await office.sessions.sign_in(await office.make_user(), PASSWORD, HERE, office.record)
    tabs = await asyncio.gather(*(office.sessions.refresh(opened.refresh_token, office.record) for _ in range(20)))
    [token] = {each.refresh_token for each in tabs}
    office.now += 600 * SECOND
    assert (await office.sessions.refresh(token, office.record)).row.id == opened.row.id
    assert office.announced == []


async def test_a_stolen_refresh_token_ends_the_session_of_the_thief_and_of_the_owner(office: Office) -> None:
    opened = await office.sessions.sign_in(await office.make_user(), PASSWORD, HERE, office.record)
    thiefs = await office.sessions.refresh(opened.refresh_token, office.record)
    office.now += OVERLAP + SECOND
    with pytest.raises(NotAuthenticated, match="used before"):
        await office.sessions.refresh(opened.refresh_token, office.record)
    with pytest.raises(NotAuthenticated, match="has ended"):
        await office.sessions.refresh(thiefs.refresh_token, office.record)
    assert office.announced == [opened.row.id]


async def test_a_thief_who_refreshes_at_the_same_moment_is_found_out_later(office: Office) -> None:
    opened = await office.sessions.sign_in(await office.make_user(), PASSWORD, HERE, office.record)
    owners, thiefs = [await office.sessions.refresh(opened.refresh_token, office.record) for _ in range(2)]
    office.now += 600 * SECOND
    await office.sessions.refresh(thiefs.refresh_token, office.record)
    office.now += 600 * SECOND
    with pytest.raises(NotAuthenticated, match="used before"):
        await office.sessions.refresh(owners.refresh_token, office.record)


async def test_a_session_ends_when_it_is_not_used_and_when_it_is_old(office: Office) -> None:
    email = await office.make_user()
    idle = await office.sessions.sign_in(email, PASSWORD, HERE, office.record)
    used = await office.sessions.sign_in(email, PASSWORD, HERE, office.record)
    while office.now + IDLE - SECOND < NOW + ABSOLUTE:
        office.now += IDLE - SECOND
        used = await office.sessions.refresh(used.refresh_token, office.record)
    office.now = NOW + ABSOLUTE
    for ended in (idle, used):
        with pytest.raises(NotAuthenticated, match="has ended"):
            await office.sessions.refresh(ended.refresh_token, office.record)


@pytest.mark.parametrize("token", ["", "hrr_", "hr_" + "0" * 33, "hrr_" + "a" * 43, "\0", "ü"])
async def test_what_is_no_refresh_token_is_refused(office: Office, token: str) -> None:
    with pytest.raises(NotAuthenticated, match="sign in again"):
        await office.sessions.refresh(token, office.record)
    assert not await office.sessions.end_by_token(token, office.record)


async def test_processes_with_a_new_secret_and_with_the_old_one_alone_refresh_the_same_session(office: Office) -> None:
    rotated = Office(office.database, NEW, OLD)
    opened = await office.sessions.sign_in(await office.make_user(), PASSWORD, HERE, office.record)
    first = await office.sessions.refresh(opened.refresh_token, office.record)
    assert (await rotated.sessions.refresh(opened.refresh_token, office.record)).refresh_token == first.refresh_token
    second = await rotated.sessions.refresh(first.refresh_token, office.record)
    assert rotated.tokens.verify(second.access.token).sid == opened.row.id


async def test_signing_out_ends_the_session_of_any_of_its_tokens_and_says_so_to_everybody(office: Office) -> None:
    opened = await office.sessions.sign_in(await office.make_user(), PASSWORD, HERE, office.record)
    refreshed = await office.sessions.refresh(opened.refresh_token, office.record)
    assert await office.sessions.end_by_token(refreshed.refresh_token, office.record)
    assert office.announced == [opened.row.id]
    assert not await office.sessions.end_by_token(refreshed.refresh_token, office.record)
    with pytest.raises(NotAuthenticated):
        await office.sessions.refresh(refreshed.refresh_token, office.record)


async def test_sessions_are_listed_and_ended_by_their_owner_alone(office: Office) -> None:
    email = await office.make_user()
    first, second = [await office.sessions.sign_in(email, PASSWORD, HERE, office.record) for _ in range(2)]
    stranger = await office.sessions.sign_in(await office.make_user(), PASSWORD, HERE, office.record)
    assert not await office.sessions.end(stranger.user.id, first.row.id, office.record)
    listed = await office.sessions.list(first.user.id, second.row.id)
    assert [(each.id, each.current) for each in listed.items] == [(second.row.id, True), (first.row.id, False)]
    assert await office.sessions.end_all(first.user.id, office.record, keep=second.row.id) == 1
    assert office.announced == [first.row.id]
    assert len((await office.sessions.list(first.user.id, second.row.id)).items) == 1
    assert (await office.sessions.refresh(stranger.refresh_token, office.record)).row.id == stranger.row.id


async def test_a_link_signs_in_once_and_for_some_minutes(office: Office) -> None:
    opened = await office.sessions.sign_in(await office.make_user(), PASSWORD, HERE, office.record)
    link = await office.make_link(opened.user.id)
    entered = await asyncio.gather(*(office.sessions.enter(link, HERE, office.record) for _ in range(5)))
    assert [each.user.id for each in entered if each is not None] == [opened.user.id]
    late = await office.make_link(opened.user.id)
    office.now += timedelta(minutes=15)
    assert await office.sessions.enter(late, HERE, office.record) is None


async def test_a_link_of_a_disabled_account_signs_nobody_in(office: Office) -> None:
    opened = await office.sessions.sign_in(await office.make_user(), PASSWORD, HERE, office.record)
    link = await office.make_link(opened.user.id)
    async with office.database.transaction() as transaction:
        await change_user(transaction, opened.user.id, state="disabled")
    with pytest.raises(AccountDisabled):
        await office.sessions.enter(link, HERE, office.record)


async def test_what_becomes_of_a_session_is_in_the_audit(office: Office) -> None:
    opened = await office.sessions.sign_in(await office.make_user(), PASSWORD, HERE, office.record)
    await office.sessions.refresh(opened.refresh_token, office.record)
    office.now += OVERLAP + SECOND
    with pytest.raises(NotAuthenticated):
        await office.sessions.refresh(opened.refresh_token, office.record)
    other = await office.sessions.enter(await office.make_link(opened.user.id), HERE, office.record)
    assert other is not None
    await office.sessions.end_by_token(other.refresh_token, office.record)
    await office.sessions.end_all(opened.user.id, office.record)
    owner = opened.user.id
    assert office.recorded == [
        (Action.SESSION_CREATED, {"subject": opened.row.id, "actor": owner, "signed_in_by": "password"}),
        (Action.SESSION_TOKEN_REUSED, {"subject": opened.row.id, "owner": owner}),
        (Action.SESSION_CREATED, {"subject": other.row.id, "actor": owner, "signed_in_by": "link"}),
        (Action.SESSION_ENDED, {"subject": other.row.id, "owner": owner}),
        (Action.USER_SIGNED_OUT, {"subject": owner, "sessions": 0}),
    ]
