"""Make API keys and one-time links for a user, straight in the database."""

from __future__ import annotations

import secrets as random
from datetime import UTC, datetime, timedelta

import uuid_utils
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.identity import Role
from headrace.identity.key_format import make_key, shown_part
from headrace.identity.principals import ROLE_SCOPES
from headrace.identity.secrets import Secrets
from headrace.store.api_keys import insert_key
from headrace.store.identity_tables import ApiKeyRow, OneTimeTokenRow
from headrace.store.one_time_tokens import Purpose, replace_token

ENTER_SECONDS = 900  # of a link that signs an administrator in: enough to read a terminal and to open a browser
RESET_SECONDS = 1800  # of a token that sets a new password: somebody has to pass it on to its user


async def make_key_of(session: AsyncSession, secrets: Secrets, user: str, name: str) -> str:
    """Make a key of an administrator that allows everything and does not expire, and return it.

    Raises:
        TooManyApiKeys: The user has as many as there may be.
    """
    key = make_key()
    row = ApiKeyRow(
        id=str(uuid_utils.uuid7()),
        owner=user,
        name=name,
        start=shown_part(key),
        hash=_hash_for_all(secrets, key),
        scopes=sorted(ROLE_SCOPES[Role.ADMIN]),
        created_at=datetime.now(UTC),
        created_by=user,
        expires_at=None,
        used_at=None,
        revoked_at=None,
    )
    await insert_key(session, row)
    return key


async def make_enter_link(session: AsyncSession, secrets: Secrets, user: str, url: str) -> str:
    """Make a link that signs a user in once, and return it. The one before it is valid no longer."""
    return f"{url}/enter/{await _make_token(session, secrets, user, Purpose.ENTER, ENTER_SECONDS)}"


async def make_reset_token(session: AsyncSession, secrets: Secrets, user: str) -> str:
    """Make a token that sets a new password once, and return it. The one before it is valid no longer."""
    return await _make_token(session, secrets, user, Purpose.RESET, RESET_SECONDS)


async def _make_token(session: AsyncSession, secrets: Secrets, user: str, purpose: Purpose, seconds: int) -> str:
    token = random.token_urlsafe()
    row = OneTimeTokenRow(
        hash=_hash_for_all(secrets, token),
        purpose=purpose,
        owner=user,
        expires_at=datetime.now(UTC) + timedelta(seconds=seconds),
    )
    await replace_token(session, row)
    return token


def _hash_for_all(secrets: Secrets, token: str) -> bytes:
    """Hash a token with the oldest secret: an API that was not restarted since a rotation does not know the newest one."""
    return secrets.hashes(token)[-1]
