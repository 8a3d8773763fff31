"""Accounts in the database of a test: the administrator that its requests are made by, and others."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

import asyncpg
import uuid_utils

from headrace.contracts.identity import Role, Scope, UserState
from headrace.identity.key_format import make_key, shown_part
from headrace.identity.principals import LOCAL, scopes_of
from headrace.identity.secrets import Secrets

SECRET = "only-for-tests-" * 3  # of every API process of a test

# The key of the administrator of every cluster that this process makes.
KEY = make_key()
AUTHORIZATION = f"Authorization: Bearer {KEY}"
SIGNED = {"Authorization": f"Bearer {KEY}"}

_SECRETS = Secrets([SECRET])
_USER = """
INSERT INTO users (id, email, display_name, role, state, created_at) VALUES ($1, $2, $1, $3, $4, $5) ON CONFLICT DO NOTHING
"""
_KEY = """
INSERT INTO api_keys (id, owner, name, start, hash, scopes, created_at, expires_at, revoked_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""


class Made(NamedTuple):
    """An account, and one of its keys."""

    id: str
    key: str
    key_id: str


async def make_administrator(database_url: str) -> Made:
    """Make the administrator `local`, with the key `KEY`."""
    return await make_user(database_url, LOCAL, role=Role.ADMIN, key=KEY)


async def make_user(
    database_url: str,
    id_: str | None = None,
    *,
    role: Role | str = Role.MEMBER,
    state: UserState | str = UserState.ACTIVE,
    scopes: list[str] | None = None,
    expires_at: datetime | None = None,
    is_revoked: bool = False,
    key: str | None = None,
) -> Made:
    """Make an account, unless there is one with this id, and a key of it; all scopes of its role by default."""
    made = Made(id_ or str(uuid_utils.uuid7()), key or make_key(), str(uuid_utils.uuid7()))
    now = datetime.now(UTC)
    given = sorted(scopes_of(Role(role))) if scopes is None else [Scope(scope) for scope in scopes]
    connection = await asyncpg.connect(database_url)
    try:
        await connection.execute(_USER, made.id, f"{made.id}@example.com", str(role), str(state), now)
        hashed = _SECRETS.hash(made.key)
        await connection.execute(
            _KEY,
            made.key_id,
            made.id,
            "test",
            shown_part(made.key),
            hashed,
            given,
            now,
            expires_at,
            now if is_revoked else None,
        )
    finally:
        await connection.close()
    return made
