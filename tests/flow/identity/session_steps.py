"""Accounts with a password, and clients that sign in with it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

import asyncpg
import httpx
from argon2 import PasswordHasher

from headrace.identity.secrets import Secrets
from tests.accounts import SECRET
from tests.cluster import Cluster

PASSWORD = "a sentence that nobody guesses"
# What a page of the API's own sends with each change.
CSRF = {"X-Headrace-CSRF": "1"}


@cache
def _hash() -> str:
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(PASSWORD)


async def make_account(cluster: Cluster, **differing: Any) -> tuple[str, str]:
    """Make an account with the password of these tests; its id and its email address."""
    made = await cluster.make_user(**differing)
    connection = await asyncpg.connect(cluster.database_url)
    try:
        await connection.execute("UPDATE users SET password = $1 WHERE id = $2", _hash(), made.id)
    finally:
        await connection.close()
    return made.id, f"{made.id}@example.com"


async def make_link(cluster: Cluster, user: str, name: str) -> str:
    """Make a sign-in link of an account; its path."""
    until = datetime.now(UTC) + timedelta(minutes=15)
    connection = await asyncpg.connect(cluster.database_url)
    try:
        statement = "INSERT INTO one_time_tokens (hash, purpose, owner, expires_at) VALUES ($1, 'enter', $2, $3)"
        await connection.execute(statement, Secrets([SECRET]).hash(name), user, until)
    finally:
        await connection.close()
    return f"/enter/{name}"


def browser_at(cluster: Cluster) -> httpx.AsyncClient:
    """A client that keeps cookies and says where its requests come from, as a page of the API's own does."""
    client = cluster.http_as(None)
    client.headers["Origin"] = cluster.url
    return client


async def sign_in(client: httpx.AsyncClient, email: str, **given: Any) -> dict[str, Any]:
    """Sign in; must be let in."""
    headers = CSRF if given.get("cookies") else {}
    body = {"email": email, "password": PASSWORD, **given}
    answer = await client.post("/api/v1/session", json=body, headers=headers)
    assert answer.status_code == 201, answer.text
    return answer.json()
