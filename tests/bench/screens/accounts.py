"""Accounts with a key each: the screens of members are asked for as many of them in turn."""

from __future__ import annotations

from datetime import UTC, datetime

import asyncpg
import uuid_utils

from headrace.contracts.identity import Role
from headrace.identity.key_format import make_key, shown_part
from headrace.identity.principals import scopes_of
from headrace.identity.secrets import Secrets
from tests.bench.screens.rows import OWNERS, owner_id
from tests.bench.stack import Stack

_USER = (
    "INSERT INTO users (id, email, display_name, role, state, created_at) VALUES ($1, $2, $1, 'member', 'active', $3)"
)
_KEY = (
    "INSERT INTO api_keys (id, owner, name, start, hash, scopes, created_at) VALUES ($1, $2, 'bench', $3, $4, $5, $6)"
)


async def make_accounts(stack: Stack) -> list[str]:
    """Make an account for each owner of tasks; returns a key of each."""
    secrets, now = Secrets([stack.up.home.api_secret()]), datetime.now(UTC)
    owners, made = [owner_id(number) for number in range(OWNERS)], [make_key() for _ in range(OWNERS)]
    scopes = sorted(str(scope) for scope in scopes_of(Role.MEMBER))
    connection = await asyncpg.connect(stack.up.running.database_url)
    try:
        await connection.executemany(_USER, [(owner, f"{owner}@example.com", now) for owner in owners])
        rows = [
            (str(uuid_utils.uuid7()), owner, shown_part(key), secrets.hash(key), scopes, now)
            for owner, key in zip(owners, made, strict=True)
        ]
        await connection.executemany(_KEY, rows)
    finally:
        await connection.close()
    return made
