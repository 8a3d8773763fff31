"""What was committed in Postgres and never told, because NATS or the process went down in that moment, is told by the next process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from typing import NamedTuple, cast

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.api.auth import missed_revocations
from headrace.api.auth.missed_revocations import compare, tell_missed
from headrace.api.auth.revocations import Revocations
from headrace.api.identity_database import IdentityDatabase
from headrace.contracts.audit import Action
from headrace.contracts.identity import Role, UserState
from headrace.embedded.nats import EmbeddedNats
from headrace.identity.principals import Principal
from headrace.identity_errors import IdentityUnavailable
from headrace.log import clock
from headrace.log.connection import Log
from headrace.log.opening import open_log
from headrace.store.api_keys import insert_key, revoke_key
from headrace.store.audit import add_entries
from headrace.store.recent_changes import ChangedUser
from headrace.store.sessions import open_session, revoke_session
from headrace.store.users import change_user, delete_user, insert_user
from tests.proxy import proxy_to
from tests.unit.api.auth.test_revocations import WITHIN_SECONDS, principal
from tests.unit.conftest import settings_for
from tests.unit.store.identity_rows import make_entry, make_key, make_session, make_user
from tests.waiting import until


class Lost(NamedTuple):
    """What was committed and not told: a revoked key, an ended session, a disabled account and a deleted one; and what goes on."""

    over: list[Principal]
    inactive: list[str]
    good: list[Principal]


async def commit_untold(database: IdentityDatabase) -> Lost:
    now = clock.now()
    owner, disabled, deleted = users = [make_user() for _ in range(3)]
    keys, sessions = [make_key(owner.id) for _ in range(2)], [make_session(owner.id, created_at=now) for _ in range(2)]
    async with database.transaction() as session:
        for user in users:
            await insert_user(session, user)
        for key in keys:
            await insert_key(session, key)
        for each in sessions:
            await open_session(session, each, each.id.encode())
        await revoke_key(session, owner.id, keys[0].id, now)
        await revoke_session(session, owner.id, sessions[0].id, now)
        await change_user(session, disabled.id, state="disabled")
        await delete_user(session, deleted.id)
        done = {disabled.id: Action.USER_CHANGED, deleted.id: Action.USER_DELETED}
        entries = [make_entry(id=user, at=now, action=action, subject=user) for user, action in done.items()]
        await add_entries(session, entries)
    over = [principal(owner.id, f"key:{keys[0].id}"), principal(owner.id, f"session:{sessions[0].id}")]
    return Lost(
        [*over, principal(disabled.id, "key:any"), principal(deleted.id, "session:any")],
        [disabled.id, deleted.id],
        [principal(owner.id, f"key:{keys[1].id}"), principal(owner.id, f"session:{sessions[1].id}")],
    )


class Watched:
    """The database, which may be away, and how often it was asked."""

    def __init__(self, database: IdentityDatabase) -> None:
        self.database = database
        self.is_away = False
        self.answers = self.refusals = 0

    @asynccontextmanager
    async def transaction(self, seconds: float) -> AsyncGenerator[AsyncSession]:
        if self.is_away:
            self.refusals += 1
            raise IdentityUnavailable("away")
        async with self.database.transaction(seconds) as session:
            yield session
        self.answers += 1


@pytest.fixture
def watched(database: IdentityDatabase) -> Watched:
    return Watched(database)


@asynccontextmanager
async def process_on(log: Log, database: Watched) -> AsyncGenerator[Revocations]:
    """An API process, as far as it knows what is revoked."""
    revocations = Revocations(log)
    await revocations.open()
    telling = asyncio.create_task(tell_missed(cast("IdentityDatabase", database), revocations, log))
    try:
        yield revocations
    finally:
        telling.cancel()
        with suppress(asyncio.CancelledError):
            await telling
        revocations.close()


async def until_known(revocations: Revocations, lost: Lost) -> None:
    await until(lambda: not any(map(revocations.is_good, lost.over)), "the revocations to be known", WITHIN_SECONDS)
    assert all(map(revocations.is_good, lost.good))
    assert not any(map(revocations.is_active, lost.inactive))


async def test_a_process_that_starts_refuses_within_two_seconds_what_was_never_told_and_tells_the_others(
    nats: EmbeddedNats, watched: Watched
) -> None:
    lost = await commit_untold(watched.database)
    async with open_log(settings_for(nats), "api") as one, open_log(settings_for(nats), "api") as other:
        # This process knows only what it is told.
        told = Revocations(one)
        await told.open()
        assert all(map(told.is_good, lost.over))
        async with process_on(other, watched) as started:
            await until_known(started, lost)
            await until_known(told, lost)
        assert await compare(watched.database, told) == 0
        told.close()


async def test_a_process_that_is_connected_again_compares_again(nats: EmbeddedNats, watched: Watched) -> None:
    async with (
        proxy_to(nats.port) as proxy,
        open_log(settings_for(nats, HEADRACE_NATS_URL=proxy.url), "api") as log,
        process_on(log, watched) as running,
    ):
        await until(lambda: watched.answers, "the first comparison")
        lost = await commit_untold(watched.database)
        proxy.go_down()
        await proxy.listen()
        await until(lambda: watched.answers == 2, "the next comparison")
        await until_known(running, lost)


async def test_while_postgres_is_away_a_process_starts_and_compares_as_soon_as_it_is_back(
    nats: EmbeddedNats, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(missed_revocations, "RETRY_SECONDS", 0.01)
    lost = await commit_untold(watched.database)
    watched.is_away = True
    async with open_log(settings_for(nats), "api") as log, process_on(log, watched) as started:
        await until(lambda: watched.refusals >= 2, "two attempts")
        assert all(map(started.is_good, lost.over))
        watched.is_away = False
        await until_known(started, lost)


async def test_what_was_noted_after_postgres_was_asked_stands(nats: EmbeddedNats, log: Log) -> None:
    revocations = Revocations(log)
    await revocations.open()
    asked = clock.now().timestamp()
    await revocations.note_user_changed("ada", Role.MEMBER, UserState.DISABLED)
    assert await revocations.note_missed([], [], [ChangedUser("ada", Role.MEMBER, UserState.ACTIVE)], asked) == 0
    assert not revocations.is_active("ada")
    revocations.close()
