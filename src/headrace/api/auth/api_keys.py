"""Verifies API keys: the store has their keyed hashes."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from headrace.api.identity_database import IdentityDatabase
from headrace.contracts.identity import UserState
from headrace.identity.key_format import is_key
from headrace.identity.key_rules import KEY
from headrace.identity.principals import Principal, scopes_of
from headrace.identity.secrets import Secrets
from headrace.identity_errors import IdentityUnavailable
from headrace.store.api_keys import FoundKey, find_key_by_hash, replace_hash

LOOKUPS_MAX = 4  # at a time: the pool of connections also serves lists and details
WAITING_MAX = 500  # lookups in all; one takes a millisecond


class ApiKeys:
    """The API keys that the store has.

    Args:
        secrets: What the keys are hashed with.
        database: Has the hashes of the keys.
    """

    def __init__(self, secrets: Secrets, database: IdentityDatabase) -> None:
        self._secrets = secrets
        self._database = database
        self._slots = asyncio.Semaphore(LOOKUPS_MAX)
        self._waiting = 0

    def takes(self, token: str) -> bool:
        """Return whether a token has the form and the checksum of an API key."""
        return is_key(token)

    async def verify(self, token: str) -> Principal | None:
        """Return the principal of a key; None when there is no such key, or it is revoked, or its account is not active.

        Raises:
            IdentityUnavailable: Postgres cannot be reached, or too many keys are being looked up.
        """
        hashes = self._secrets.hashes(token)
        found = await self._look_up(hashes)
        if found is None or found.state is not UserState.ACTIVE:
            return None
        key = found.key
        if key.hash != hashes[0]:
            # The secret that hashed it may be taken away, and the key goes on.
            async with self._database.transaction() as session:
                await replace_hash(session, key.id, key.hash, hashes[0])
        return Principal(
            id=key.owner,
            role=found.role,
            scopes=scopes_of(found.role, key.scopes),
            credential=f"{KEY}{key.id}",
            expires_at=None if key.expires_at is None else key.expires_at.timestamp(),
        )

    async def _look_up(self, hashes: Sequence[bytes]) -> FoundKey | None:
        if self._waiting >= WAITING_MAX:
            raise IdentityUnavailable("too many keys are being looked up; try again shortly")
        self._waiting += 1
        try:
            async with self._slots, self._database.connection() as connection:
                return await find_key_by_hash(connection, hashes, datetime.now(UTC))
        finally:
            self._waiting -= 1
