"""Verifies API keys: the store has their keyed hashes."""

from __future__ import annotations

from datetime import UTC, datetime

from headrace.api.identity_database import IdentityDatabase
from headrace.contracts.identity import UserState
from headrace.identity.key_format import is_key
from headrace.identity.principals import Principal, scopes_of
from headrace.identity.secrets import Secrets
from headrace.store.api_keys import find_key_by_hash

KEY = "key:"  # before the id of a key, where a principal names its credential


class ApiKeys:
    """The API keys that the store has.

    Args:
        secrets: What the keys are hashed with.
        database: Has the hashes of the keys.
    """

    def __init__(self, secrets: Secrets, database: IdentityDatabase) -> None:
        self._secrets = secrets
        self._database = database

    def takes(self, token: str) -> bool:
        """Return whether a token has the form and the checksum of an API key."""
        return is_key(token)

    async def verify(self, token: str) -> Principal | None:
        """Return the principal of a key; None when there is no such key, or it is revoked, or its account is not active.

        Raises:
            IdentityUnavailable: Postgres cannot be reached.
        """
        async with self._database.connection() as connection:
            found = await find_key_by_hash(connection, self._secrets.hashes(token), datetime.now(UTC))
        if found is None or found.state is not UserState.ACTIVE:
            return None
        key = found.key
        return Principal(
            id=key.owner,
            role=found.role,
            scopes=scopes_of(found.role, key.scopes),
            credential=f"{KEY}{key.id}",
            expires_at=None if key.expires_at is None else key.expires_at.timestamp(),
        )
