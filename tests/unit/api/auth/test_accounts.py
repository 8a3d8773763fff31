"""Accounts, from being asked for to being deleted, against a database."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import pytest
from argon2 import PasswordHasher
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.api.auth.account_passwords import AccountPasswords
from headrace.api.auth.accounts import Accounts
from headrace.api.identity_database import IdentityDatabase
from headrace.contracts.audit import Action
from headrace.contracts.hints import UserHintChange
from headrace.contracts.identity import Decision, NewUser, Role, UserChange, UserState
from headrace.errors import InvalidInput, LogUnavailable
from headrace.identity.passwords import Passwords
from headrace.identity.secrets import Secrets
from headrace.identity_errors import InvalidOneTimeToken, LastAdmin, TooManyPendingUsers, UserNotFound, WrongPassword
from headrace.store import api_keys, one_time_tokens, sessions, users
from headrace.store.identity_tables import OneTimeTokenRow, UserRow
from headrace.store.one_time_tokens import Purpose
from tests.unit.store.identity_rows import NOW, make_key, make_session, make_user, new_id

OLD, NEW = "river stone 9", "another river stone"
SECRETS = Secrets(["s" * 32])


class Told:
    """What was announced to the processes of the API, and what was recorded in the audit."""

    def __init__(self) -> None:
        self.users: list[tuple[str, Role, UserState]] = []
        self.sessions: list[str] = []
        self.schedules_ended: list[str] = []
        # What administrators who look were told.
        self.hints: list[tuple[str, UserHintChange, UserState]] = []
        # What goes wrong when schedules are to end.
        self.outage: Exception | None = None
        self.recorded: list[tuple[Action, str | None, str | None, dict[str, object]]] = []

    async def record(
        self,
        action: Action,
        *,
        subject: str | None = None,
        actor: str | None = None,
        session: AsyncSession | None = None,
        **data: object,
    ) -> None:
        assert session is not None
        self.recorded.append((action, subject, actor, data))

    async def user(self, user: str, role: Role, state: UserState) -> None:
        self.users.append((user, role, state))

    def hint(self, user: str, change: UserHintChange, state: UserState) -> None:
        self.hints.append((user, change, state))

    async def ended(self, *ids: str) -> None:
        self.sessions += ids

    async def end_schedules(self, owner: str) -> None:
        if self.outage:
            raise self.outage
        self.schedules_ended.append(owner)


@pytest.fixture(scope="module")
def hashing() -> Passwords:
    return Passwords()


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def accounts(database: IdentityDatabase, hashing: Passwords, told: Told) -> Accounts:
    return Accounts(database, hashing, told.user, told.ended, told.end_schedules, told.hint, lambda: NOW)


@pytest.fixture
def account_passwords(database: IdentityDatabase, hashing: Passwords, told: Told) -> AccountPasswords:
    return AccountPasswords(SECRETS, database, hashing, told.ended, lambda: NOW)


async def add(database: IdentityDatabase, **fields: object) -> UserRow:
    row = make_user(**fields)
    async with database.transaction() as transaction:
        assert await users.insert_user(transaction, row)
    return row


async def add_session(database: IdentityDatabase, owner: str) -> str:
    row = make_session(owner)
    async with database.transaction() as transaction:
        await sessions.open_session(transaction, row, new_id().encode())
    return row.id


async def live_sessions(database: IdentityDatabase, owner: str) -> set[str]:
    async with database.transaction() as transaction:
        return {each.id for each in await sessions.list_live_sessions(transaction, owner, NOW)}


async def find_by_email(database: IdentityDatabase, email: str) -> UserRow | None:
    async with database.transaction() as transaction:
        return await users.find_by_email(transaction, email)


async def test_who_registers_waits_and_keeps_nothing_of_the_password_but_its_hash(
    accounts: Accounts, database: IdentityDatabase, told: Told
) -> None:
    asked = NewUser(email=f"{new_id()}@example.com", display_name="Ada", password=OLD)
    assert OLD not in repr(asked)
    await accounts.register(asked, told.record)
    found = await find_by_email(database, asked.email)
    assert found is not None
    assert (found.role, found.state, found.decided_by) == ("member", "pending", None)
    assert PasswordHasher().verify(found.password or "", OLD)
    assert told.users == []
    assert told.recorded == [("user.registered", found.id, None, {"is_new": True})]


async def test_a_second_registration_with_an_address_hashes_as_the_first_did_and_changes_nothing(
    accounts: Accounts, database: IdentityDatabase, hashing: Passwords, monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    hashed: list[str] = []
    hash_new = Passwords.hash_new

    async def noted(self: Passwords, password: str, about: Sequence[str] = (), path: str = "/password") -> str:
        hashed.append(password)
        return await hash_new(self, password, about, path)

    monkeypatch.setattr(Passwords, "hash_new", noted)
    email = f"{new_id()}@example.com"
    await accounts.register(NewUser(email=email, display_name="Ada", password=OLD), told.record)
    before = await find_by_email(database, email)
    await accounts.register(NewUser(email=email.upper(), display_name="Eve", password=NEW), told.record)
    assert await find_by_email(database, email) == before
    assert hashed == [OLD, NEW]
    assert [(action, data) for action, _, _, data in told.recorded] == [
        ("user.registered", {"is_new": True}),
        ("user.registered", {"is_new": False}),
    ]


async def test_registrations_past_what_administrators_can_decide_about_are_refused_whatever_the_address(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch, told: Told
) -> None:
    monkeypatch.setattr(users, "PENDING_USERS_MAX", 1)
    asked = NewUser(email=f"{new_id()}@example.com", display_name="Ada", password=OLD)
    with suppress(TooManyPendingUsers):
        await accounts.register(asked, told.record)
    for email in (asked.email, f"{new_id()}@example.com"):
        with pytest.raises(TooManyPendingUsers):
            await accounts.register(NewUser(email=email, display_name="Ada", password=OLD), told.record)


async def test_a_decision_is_kept_with_who_made_it_and_told_to_every_process(
    accounts: Accounts, database: IdentityDatabase, told: Told
) -> None:
    row = await add(database, state="pending")
    rejected = await accounts.decide(row.id, Decision(state="rejected", reason="who is this?"), "local", told.record)
    assert (rejected.state, rejected.reason, rejected.decided_by, rejected.decided_at) == (
        "rejected",
        "who is this?",
        "local",
        NOW,
    )
    approved = await accounts.decide(row.id, Decision(state="approved"), "another", told.record)
    assert (approved.state, approved.reason, approved.decided_by) == ("active", None, "another")
    # Whoever approves again changes nothing, and tells it again: the first answer may have been lost with its announcement.
    assert await accounts.decide(row.id, Decision(state="approved"), "a third", told.record) == approved
    assert told.recorded == [
        ("user.rejected", row.id, None, {"reason": "who is this?"}),
        ("user.approved", row.id, None, {"reason": None}),
    ]
    assert told.users == [
        (row.id, Role.MEMBER, UserState.REJECTED),
        (row.id, Role.MEMBER, UserState.ACTIVE),
        (row.id, Role.MEMBER, UserState.ACTIVE),
    ]


async def test_disabling_an_account_ends_its_sessions_and_enabling_it_brings_none_back(
    accounts: Accounts, database: IdentityDatabase, told: Told
) -> None:
    row = await add(database)
    session = await add_session(database, row.id)
    await accounts.change(row.id, UserChange(state="disabled", reason="left"), told.record)
    assert (await accounts.change(row.id, UserChange(state="active"), told.record)).reason is None
    assert await live_sessions(database, row.id) == set()
    assert [state for *_, state in told.users] == ["disabled", "active"]
    assert told.sessions == [session]


async def test_a_deleted_account_is_gone_with_its_sessions_keys_and_links_and_deleting_it_again_tells_it_again(
    accounts: Accounts, database: IdentityDatabase, told: Told
) -> None:
    row = await add(database)
    key, token = (
        make_key(row.id),
        OneTimeTokenRow(hash=new_id().encode(), purpose="reset", owner=row.id, expires_at=NOW),
    )
    session = await add_session(database, row.id)
    async with database.transaction() as transaction:
        await api_keys.insert_key(transaction, key)
        await one_time_tokens.replace_token(transaction, token)
    await accounts.delete(row.id, told.record)
    async with database.transaction() as transaction:
        assert await api_keys.find_key_by_hash(transaction, [key.hash], NOW) is None
        assert await sessions.find_live_session(transaction, session, NOW) is None
        before = NOW - timedelta(1)
        assert await one_time_tokens.find_token(transaction, [token.hash], Purpose.RESET, before) is None
    with pytest.raises(UserNotFound):
        await accounts.delete(row.id, told.record)
    # It was disabled, deleted, and asked for once more.
    assert told.users == [(row.id, Role.MEMBER, UserState.DISABLED)] * 3
    assert told.recorded == [
        ("user.changed", row.id, None, {"changed": {"state": "disabled"}}),
        ("user.deleted", row.id, None, {}),
    ]
    # Also of the account that was gone: the first attempt may have ended between the two.
    assert told.schedules_ended == [row.id] * 2


async def test_an_account_whose_schedules_cannot_be_ended_is_disabled_and_not_deleted(
    accounts: Accounts, database: IdentityDatabase, told: Told
) -> None:
    row = await add(database)
    told.outage = LogUnavailable("NATS does not answer")
    with pytest.raises(LogUnavailable):
        await accounts.delete(row.id, told.record)
    assert (await accounts.find(row.id)).state == UserState.DISABLED
    assert told.users == [(row.id, Role.MEMBER, UserState.DISABLED)]
    told.outage = None
    await accounts.delete(row.id, told.record)
    assert told.recorded[-1] == ("user.deleted", row.id, None, {})


@pytest.mark.parametrize("last", ["delete", "disable", "demote"])
async def test_of_two_administrators_who_take_each_other_out_at_the_same_moment_one_stays(
    accounts: Accounts, database: IdentityDatabase, last: str, told: Told
) -> None:
    async with database.transaction() as transaction:
        for admin in await users.lock_active_admins(transaction):
            await users.change_user(transaction, admin, role="member")
    rows = [await add(database, role="admin") for _ in range(2)]

    async def take_out(user: str) -> bool:
        try:
            match last:
                case "delete":
                    await accounts.delete(user, told.record)
                case "disable":
                    await accounts.change(user, UserChange(state="disabled"), told.record)
                case _:
                    await accounts.change(user, UserChange(role=Role.MEMBER), told.record)
        except LastAdmin:
            return False
        return True

    assert sorted(await asyncio.gather(*(take_out(row.id) for row in rows))) == [False, True]
    async with database.transaction() as transaction:
        (stays,) = await users.lock_active_admins(transaction)
    assert not await take_out(stays)
    # It may be renamed, of course.
    assert (await accounts.change(stays, UserChange(display_name="Root"), told.record)).display_name == "Root"


async def test_a_list_is_searched_by_a_part_of_the_address_or_the_name_and_no_character_stands_for_others(
    accounts: Accounts, database: IdentityDatabase
) -> None:
    mark = new_id()
    ada = await add(database, email=f"ada_{mark}@example.com", display_name="Countess")
    bob = await add(database, email=None, display_name=f"Ada{mark} 100%", role="service", password=None)

    async def search(text: str) -> set[str]:
        found, _ = await accounts.list(users.UserFilter(text=text), None, 50)
        return {each.id for each in found}

    assert await search(mark.upper()) == {ada.id, bob.id}
    assert await search(f"ada_{mark}") == {ada.id}
    assert await search(f"{mark} 100%") == {bob.id}
    assert await search(f"{mark}%") == set()


async def test_a_new_password_needs_the_old_one_and_ends_all_other_sessions(
    account_passwords: AccountPasswords, database: IdentityDatabase, hashing: Passwords, told: Told
) -> None:
    row = await add(database, password=await hashing.hash_new(OLD))
    mine, other = await add_session(database, row.id), await add_session(database, row.id)
    for wrong in (NEW, "x" * 128, ""):
        with pytest.raises(WrongPassword):
            await account_passwords.change(row.id, wrong, NEW, keep=mine, record=told.record)
    with pytest.raises(InvalidInput) as refused:
        await account_passwords.change(row.id, OLD, "password1234", keep=mine, record=told.record)
    assert [each.path for each in refused.value.errors] == ["/new"]
    assert told.sessions == []
    await account_passwords.change(row.id, OLD, NEW, keep=mine, record=told.record)
    assert await live_sessions(database, row.id) == {mine}
    assert told.sessions == [other]
    assert told.recorded == [("password.changed", row.id, None, {})]
    with pytest.raises(WrongPassword):
        await account_passwords.change(row.id, OLD, NEW, keep=mine, record=told.record)


async def test_of_two_changes_from_the_same_password_one_is_made(
    account_passwords: AccountPasswords, database: IdentityDatabase, hashing: Passwords, told: Told
) -> None:
    row = await add(database, password=await hashing.hash_new(OLD))
    mine = await add_session(database, row.id)
    changes = [account_passwords.change(row.id, OLD, f"{NEW} {n}", keep=mine, record=told.record) for n in range(2)]
    outcomes = await asyncio.gather(*changes, return_exceptions=True)
    assert sorted(type(each) for each in outcomes if each) == [WrongPassword]


async def test_a_reset_link_works_once_and_ends_every_session(
    account_passwords: AccountPasswords, database: IdentityDatabase, hashing: Passwords, told: Told
) -> None:
    row = await add(database, password=None)
    session, token = await add_session(database, row.id), f"t{new_id()}"
    await add_token(database, row.id, token, seconds=1800)
    with pytest.raises(InvalidInput):
        await account_passwords.reset(token, f"{row.email}", told.record)
    # A refused password does not use up the link, and of two who use it at once, one does.
    resets = [account_passwords.reset(token, f"{NEW} {n}", told.record) for n in range(2)]
    outcomes = await asyncio.gather(*resets, return_exceptions=True)
    assert sorted(type(each) for each in outcomes if each) == [InvalidOneTimeToken]
    found = await find_by_email(database, row.email or "")
    assert found is not None
    assert await hashing.verify(f"{NEW} {outcomes.index(None)}", found.password)
    assert told.sessions == [session]
    assert told.recorded == [("password.reset", row.id, row.id, {})]


@pytest.mark.parametrize(("seconds", "purpose"), [(0, "reset"), (900, "enter")])
async def test_a_link_that_has_expired_or_is_for_something_else_sets_no_password(
    account_passwords: AccountPasswords, database: IdentityDatabase, seconds: int, purpose: str, told: Told
) -> None:
    row = await add(database)
    token = f"t{new_id()}"
    await add_token(database, row.id, token, seconds, purpose)
    for each in (token, f"{token}x", row.id):
        with pytest.raises(InvalidOneTimeToken):
            await account_passwords.reset(each, NEW, told.record)


async def add_token(database: IdentityDatabase, owner: str, token: str, seconds: int, purpose: str = "reset") -> None:
    expires_at = NOW + timedelta(seconds=seconds)
    row = OneTimeTokenRow(hash=SECRETS.hash(token), purpose=purpose, owner=owner, expires_at=expires_at)
    async with database.transaction() as transaction:
        await one_time_tokens.replace_token(transaction, row)
