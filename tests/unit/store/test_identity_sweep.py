"""What has ended is removed; what has not is left, and of several processes one removes."""

from __future__ import annotations

import secrets

from headrace.api.auth.identity_sweep import sweep
from headrace.api.identity_database import IdentityDatabase
from headrace.log import clock
from headrace.store.api_keys import insert_key, list_keys, revoke_key
from headrace.store.identity_sweep import sweep_ended
from headrace.store.identity_tables import OneTimeTokenRow
from headrace.store.one_time_tokens import Purpose, replace_token, use_token
from headrace.store.recent_changes import list_ended_sessions
from headrace.store.sessions import ENDED_KEPT, find_live_session, open_session, revoke_session
from headrace.store.users import insert_user
from tests.unit.store.identity_rows import DAY, SECOND, make_key, make_session, make_user


async def test_what_has_ended_is_removed_and_the_rest_stays(database: IdentityDatabase) -> None:
    now = clock.now()
    user = make_user()
    live, ended, idle, recent = (make_session(user.id, created_at=now - age * DAY) for age in (1, 2, 9, 1))
    valid, expired, revoked = make_key(user.id), make_key(user.id, expires_at=now - 31 * DAY), make_key(user.id)
    token = OneTimeTokenRow(hash=secrets.token_bytes(32), purpose=Purpose.RESET, owner=user.id, expires_at=now - SECOND)
    async with database.transaction() as session:
        await insert_user(session, user)
        for family in (idle, live, ended, recent):
            await open_session(session, family, secrets.token_bytes(32))
        await revoke_session(session, user.id, ended.id, now - ENDED_KEPT)
        await revoke_session(session, user.id, recent.id, now - ENDED_KEPT / 2)
        for key in (valid, expired, revoked):
            await insert_key(session, key)
        await revoke_key(session, user.id, revoked.id, now - 29 * DAY)
        await replace_token(session, token)

    async with database.transaction() as other:
        # A process that is sweeping holds the lock until its transaction ends.
        await sweep_ended(other, now - 365 * DAY)
        assert await sweep(database) == 0
    # The idle session went when the next one was opened. One that ended lately is kept, for processes that were not told.
    assert await sweep(database) == 3
    assert await sweep(database) == 0
    async with database.transaction() as session:
        assert await find_live_session(session, live.id, now) is not None
        assert await list_ended_sessions(session, now - ENDED_KEPT, now) == [recent.id]
        keys, _ = await list_keys(session, user.id, None, 10)
        assert {key.id for key in keys} == {valid.id, revoked.id}
        assert await use_token(session, [token.hash], Purpose.RESET, now - DAY) is None
