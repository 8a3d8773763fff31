"""The queries about one-time tokens, made inside a transaction of the caller: links to sign in, and to set a new password."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import msgspec
from sqlalchemy import ColumnElement, delete, insert, select
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.store import identity_tables
from headrace.store.identity_tables import OneTimeTokenRow
from headrace.store.users import lock_user

_TOKENS = identity_tables.one_time_tokens
_OF = _TOKENS.c


class Purpose(StrEnum):
    """What a one-time token is for: to sign in, or to set a new password."""

    ENTER = "enter"
    RESET = "reset"


async def replace_token(session: AsyncSession, row: OneTimeTokenRow) -> None:
    """Add a token; the one before it of the same user and purpose is valid no longer.

    Raises:
        UserNotFound: There is no such user.
    """
    # Of two tokens that are made at the same time, one remains.
    await lock_user(session, row.owner)
    await session.execute(delete(_TOKENS).where(_OF.owner == row.owner, _OF.purpose == row.purpose))
    await session.execute(insert(_TOKENS).values(msgspec.structs.asdict(row)))


async def find_token(session: AsyncSession, hashes: Sequence[bytes], purpose: Purpose, now: datetime) -> str | None:
    """Find the token that has one of these hashes, and leave it as it is.

    Returns:
        The id of its user; None when there is no such token, or it has expired or was used.
    """
    return await session.scalar(select(_OF.owner).where(*_valid(hashes, purpose, now)))


async def use_token(session: AsyncSession, hashes: Sequence[bytes], purpose: Purpose, now: datetime) -> str | None:
    """Use up the token that has one of these hashes: those of one token, by each secret.

    Returns:
        The id of its user; None when there is no such token, or it has expired or was used.
    """
    # Of several who use it at the same moment, one deletes the row.
    used = delete(_TOKENS).where(*_valid(hashes, purpose, now))
    return await session.scalar(used.returning(_OF.owner))


async def revoke_tokens(session: AsyncSession, owner: str) -> None:
    """Make all one-time tokens of a user invalid."""
    await session.execute(delete(_TOKENS).where(_OF.owner == owner))


def _valid(hashes: Sequence[bytes], purpose: Purpose, now: datetime) -> list[ColumnElement[bool]]:
    return [_OF.hash.in_(hashes), _OF.purpose == purpose.value, _OF.expires_at > now]
