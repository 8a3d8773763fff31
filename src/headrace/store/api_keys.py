"""The queries about API keys. Those that change something are made inside a transaction of the caller."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncSession

from headrace.contracts.identity import ApiKey, Role, UserState
from headrace.identity_errors import TooManyApiKeys
from headrace.store import identity_tables
from headrace.store.cursors import Cursor
from headrace.store.identity_tables import ApiKeyRow
from headrace.store.newest_pages import fetch_newest
from headrace.store.reading import columns_of, fetch_row, fetch_rows
from headrace.store.snapshot import Reads
from headrace.store.users import lock_user

KEYS_PER_OWNER_MAX = 100  # live ones; a program needs one or two
DEAD_KEYS_PER_OWNER_MAX = 100  # that cannot be used any more; those that ended last are kept
USED_SECONDS = 60  # between two notes of when a key was used

_KEYS = identity_tables.api_keys
_OF = _KEYS.c
_KEY = columns_of(_KEYS, ApiKeyRow)
_SELECT_KEY = select(*_KEY)
# Asked for every credential that a process does not know, and so in the driver's own words: to build a statement would take
# longer than to run it.
_FIND_BY_HASH = f"""
    SELECT {", ".join(f"k.{name}" for name in ApiKeyRow.__struct_fields__)}, u.role, u.state
    FROM api_keys k JOIN users u ON u.id = k.owner WHERE k.hash = ANY($1::bytea[])
"""  # noqa: S608 - names are ours


class FoundKey(NamedTuple):
    """An API key, with the role and the state of its owner."""

    key: ApiKeyRow
    role: Role
    state: UserState


async def insert_key(session: AsyncSession, row: ApiKeyRow) -> None:
    """Add a key.

    Raises:
        TooManyApiKeys: The owner has `KEYS_PER_OWNER_MAX` live keys.
        UserNotFound: The owner was deleted meanwhile.
    """
    # Two keys that are added at the same time do not both count the keys before them.
    await lock_user(session, row.owner)
    live = select(func.count()).select_from(_KEYS).where(_OF.owner == row.owner, _is_live(row.created_at))
    if (await session.scalar(live) or 0) >= KEYS_PER_OWNER_MAX:
        raise TooManyApiKeys(f"there are {KEYS_PER_OWNER_MAX} API keys already; revoke one that is not used any more")
    dead = select(_OF.id).where(_OF.owner == row.owner, ~_is_live(row.created_at))
    # Those that were revoked last: a process that was not told finds them here.
    forgotten = dead.order_by(func.least(_OF.revoked_at, _OF.expires_at).desc(), _OF.id.desc()).offset(
        DEAD_KEYS_PER_OWNER_MAX
    )
    await session.execute(delete(_KEYS).where(_OF.id.in_(forgotten.scalar_subquery())))
    await session.execute(insert(_KEYS).values(msgspec.structs.asdict(row)))


async def find_key_by_hash(
    database: AsyncSession | AsyncConnection, hashes: Sequence[bytes], now: datetime
) -> FoundKey | None:
    """Find the live key that has one of these hashes: those of one token, by each secret."""
    connection = await database.connection() if isinstance(database, AsyncSession) else database
    driver: Any = (await connection.get_raw_connection()).driver_connection
    found = await driver.fetchrow(_FIND_BY_HASH, list(hashes))
    if found is None:
        return None
    columns = dict(found)
    role, state = Role(columns.pop("role")), UserState(columns.pop("state"))
    row = ApiKeyRow(**columns)
    return FoundKey(row, role, state) if is_live(row, now) else None


async def has_key(session: AsyncSession, hashes: Sequence[bytes]) -> bool:
    """Return whether there is a key that has one of these hashes, also one that is revoked or has expired."""
    return await session.scalar(select(_OF.id).where(_OF.hash.in_(hashes))) is not None


async def find_key(session: AsyncSession, owner: str, key: str) -> ApiKey | None:
    """Find a key of an owner by its id, also one that is revoked or has expired."""
    row = await fetch_row(session, ApiKeyRow, _SELECT_KEY.where(_OF.id == key, _OF.owner == owner))
    return None if row is None else to_api_key(row)


async def list_keys(
    session: AsyncSession, owner: str, after: Cursor | None, limit: int
) -> tuple[list[ApiKey], Cursor | None]:
    """List one page of an owner's keys, newest first, with those that are revoked or expired.

    Returns:
        The keys, and where the next page begins; None on the last page.
    """
    of_owner = _SELECT_KEY.where(_OF.owner == owner)
    rows, more = await fetch_newest(session, ApiKeyRow, of_owner, _KEYS.c.created_at, after, limit)
    return [to_api_key(row) for row in rows], more


async def list_valid_keys(session: Reads, owner: str, now: datetime, limit: int) -> list[ApiKey]:
    """List an owner's newest keys that are neither revoked nor expired."""
    valid = _SELECT_KEY.where(_OF.owner == owner, _is_live(now)).order_by(_OF.created_at.desc(), _OF.id.desc())
    return [to_api_key(row) for row in await fetch_rows(session, ApiKeyRow, valid.limit(limit))]


async def count_valid_keys(session: Reads, owners: Collection[str], now: datetime) -> dict[str, int]:
    """Count the keys of owners that are neither revoked nor expired, by owner."""
    counted = select(_OF.owner, func.count()).where(_OF.owner.in_(owners), _is_live(now)).group_by(_OF.owner)
    return {row[0]: row[1] for row in await session.execute(counted)}


async def revoke_key(session: AsyncSession, owner: str, key: str, now: datetime) -> datetime | None:
    """Revoke a key of an owner, and return when it was revoked: before, if it was; None when there is no such key."""
    changed = update(_KEYS).where(_OF.id == key, _OF.owner == owner)
    revoked = changed.values(revoked_at=func.coalesce(_OF.revoked_at, now)).returning(_OF.revoked_at)
    return await session.scalar(revoked)


async def revoke_keys(session: AsyncSession, owner: str, now: datetime) -> list[str]:
    """Revoke all keys of an owner, and return the ids of those that were live."""
    await lock_user(session, owner)
    revoked = update(_KEYS).where(_OF.owner == owner, _is_live(now)).values(revoked_at=now).returning(_OF.id)
    return list(await session.scalars(revoked))


async def note_used(session: AsyncSession, keys: Collection[str], at: datetime) -> None:
    """Write down that keys were used, of each at most once a minute. One that somebody else changes just now is left out."""
    is_stale = _OF.used_at.is_(None) | (_OF.used_at < at - timedelta(seconds=USED_SECONDS))
    stale = select(_OF.id).where(_OF.id.in_(keys), is_stale).with_for_update(key_share=True, skip_locked=True)
    await session.execute(update(_KEYS).where(_OF.id.in_(stale.scalar_subquery())).values(used_at=at))


async def replace_hash(session: AsyncSession, key: str, old: bytes, new: bytes) -> None:
    """Store a key under the hash by another secret, unless somebody did so meanwhile."""
    await session.execute(update(_KEYS).where(_OF.id == key, _OF.hash == old).values(hash=new))


def is_live(row: ApiKeyRow, now: datetime) -> bool:
    """Tell whether a key can be used: neither revoked nor expired."""
    return row.revoked_at is None and (row.expires_at is None or row.expires_at > now)


def to_api_key(row: ApiKeyRow) -> ApiKey:
    """Build what clients see of a key."""
    return msgspec.convert({name: getattr(row, name) for name in ApiKey.__struct_fields__}, ApiKey)


def _is_live(now: datetime) -> ColumnElement[bool]:
    return _OF.revoked_at.is_(None) & or_(_OF.expires_at.is_(None), _OF.expires_at > now)
