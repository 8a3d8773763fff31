"""The queries about sessions and their refresh tokens. Those that change something are made inside a transaction of the caller."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, Update, delete, func, insert, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.sessions import SessionInfo
from headrace.store import identity_tables
from headrace.store.identity_tables import RefreshTokenRow, SessionRow, UserRow
from headrace.store.reading import columns_of, fetch_row, fetch_rows
from headrace.store.snapshot import Reads
from headrace.store.users import find_user, lock_user

SESSIONS_PER_OWNER_MAX = 50  # live ones; they are listed in one answer
TOKENS_PER_SESSION_MAX = 5000  # that are remembered; a token of ten minutes makes 4,320 in the 30 days of a session
# For which a session that has ended is kept: a process that was not told finds it, see `headrace.store.recent_changes`.
ENDED_KEPT = timedelta(hours=1)

_SESSIONS = identity_tables.sessions
_OF = _SESSIONS.c
_SESSION = columns_of(_SESSIONS, SessionRow)
_SELECT_SESSION = select(*_SESSION)
_TOKENS = identity_tables.refresh_tokens
_OF_TOKEN = _TOKENS.c
_SELECT_TOKEN = select(*columns_of(_TOKENS, RefreshTokenRow))


class Rotated(NamedTuple):
    """The token was used for the first time. Its successor is stored."""

    session: SessionRow
    user: UserRow


class Repeated(NamedTuple):
    """The token was used moments ago. What is given to the caller now is the token whose hash is ``successor``."""

    session: SessionRow
    user: UserRow
    successor: bytes


class Reused(NamedTuple):
    """The token was used before. Its session is revoked now."""

    session: SessionRow


async def open_session(session: AsyncSession, row: SessionRow, token: bytes) -> list[str]:
    """Add a session with the hash of its first refresh token, and forget the owner's sessions that ended some time ago.

    Returns:
        The ids of the oldest sessions of the owner, which were revoked because it had `SESSIONS_PER_OWNER_MAX` already.

    Raises:
        UserNotFound: The owner was deleted meanwhile.
    """
    await lock_user(session, row.owner)
    now = row.created_at
    await session.execute(delete(_SESSIONS).where(_OF.owner == row.owner, _OF.ends_at <= now - ENDED_KEPT))
    newest = select(_OF.id).where(_OF.owner == row.owner, _is_live(now)).order_by(_OF.created_at.desc(), _OF.id.desc())
    kept = newest.limit(SESSIONS_PER_OWNER_MAX - 1).scalar_subquery()
    ended = _revoke(now).where(_OF.owner == row.owner, _is_live(now), _OF.id.not_in(kept))
    ids = list(await session.scalars(ended.returning(_OF.id)))
    await session.execute(insert(_SESSIONS).values(msgspec.structs.asdict(row)))
    await session.execute(insert(_TOKENS).values(_token(row.id, row.generation, token, now)))
    return ids


async def rotate_refresh_token(
    session: AsyncSession,
    presented: Sequence[bytes],
    successor: bytes,
    now: datetime,
    *,
    idle: timedelta,
    overlap: timedelta,
) -> Rotated | Repeated | Reused | None:
    """Use a refresh token, and store the one that follows it.

    Those who show tokens of one session wait for each other. The tabs of a browser, which show one at once, get one successor.

    Args:
        session: In a transaction, which is committed whatever the outcome, because one is a revocation.
        presented: The hashes of the token that was presented, by each secret.
        successor: The hash of the token that is to follow it.
        now: The time.
        idle: After which the session ends unless it is refreshed again.
        overlap: For which a token that was used goes on being answered with its successor.

    Returns:
        The outcome; None when the token is unknown, or its session has ended.
    """
    of_token = select(_OF_TOKEN.session).where(_OF_TOKEN.hash.in_(presented)).scalar_subquery()
    found = await fetch_row(session, SessionRow, _SELECT_SESSION.where(_OF.id == of_token).with_for_update())
    if found is None or not is_live(found, now):
        return None
    # Read now, because the statement before has waited for those who changed this row.
    token = await fetch_row(session, RefreshTokenRow, _SELECT_TOKEN.where(_OF_TOKEN.hash.in_(presented)))
    user = await find_user(session, found.owner)
    if token is None or user is None:
        return None
    if token.rotated_at is None:
        return Rotated(await _rotate(session, found, token, successor, now, min(found.expires_at, now + idle)), user)
    is_previous = token.generation == found.generation - 1
    if is_previous and token.successor is not None and now - token.rotated_at <= overlap:
        return Repeated(found, user, token.successor)
    await session.execute(_revoke(now).where(_OF.id == found.id))
    return Reused(found)


async def find_live_session(session: AsyncSession, session_id: str, now: datetime) -> tuple[SessionRow, UserRow] | None:
    """Find a session that has not ended, with its user."""
    row = await fetch_row(session, SessionRow, _SELECT_SESSION.where(_OF.id == session_id, _is_live(now)))
    user = None if row is None else await find_user(session, row.owner)
    return None if row is None or user is None else (row, user)


async def list_live_sessions(
    session: Reads, owner: str, now: datetime, current: str | None = None
) -> list[SessionInfo]:
    """List the sessions of a user that have not ended, newest first. ``current`` is the id of the one that asks."""
    live = _SELECT_SESSION.where(_OF.owner == owner, _is_live(now)).order_by(_OF.created_at.desc(), _OF.id.desc())
    rows = await fetch_rows(session, SessionRow, live.limit(SESSIONS_PER_OWNER_MAX))
    return [to_session_info(row, current) for row in rows]


async def count_live_sessions(session: Reads, owners: Collection[str], now: datetime) -> dict[str, int]:
    """Count the sessions of users that have not ended, by user."""
    counted = select(_OF.owner, func.count()).where(_OF.owner.in_(owners), _is_live(now)).group_by(_OF.owner)
    return {row[0]: row[1] for row in await session.execute(counted)}


async def revoke_session(session: AsyncSession, owner: str, session_id: str, now: datetime) -> bool:
    """End a session of a user. Returns whether there was one that had not ended."""
    ended = _revoke(now).where(_OF.id == session_id, _OF.owner == owner, _is_live(now)).returning(_OF.id)
    return await session.scalar(ended) is not None


async def revoke_sessions(session: AsyncSession, owner: str, now: datetime, keep: str | None = None) -> list[str]:
    """End all sessions of a user but the one to ``keep``, and return the ids of those that had not ended."""
    # A sign-in that is under way adds its session before or after this, and not in between.
    await lock_user(session, owner)
    ended = _revoke(now).where(_OF.owner == owner, _is_live(now))
    if keep is not None:
        ended = ended.where(_OF.id != keep)
    return list(await session.scalars(ended.returning(_OF.id)))


def is_live(row: SessionRow, now: datetime) -> bool:
    """Tell whether a session has not ended: not revoked, and neither too old nor unused for too long."""
    return row.revoked_at is None and row.ends_at > now


def to_session_info(row: SessionRow, current: str | None = None) -> SessionInfo:
    """Build what clients see of a session. ``current`` is the id of the one that asks."""
    fields = {name: getattr(row, name) for name in SessionInfo.__struct_fields__ if name != "current"}
    return SessionInfo(**fields, current=row.id == current)


async def _rotate(
    session: AsyncSession, row: SessionRow, used: RefreshTokenRow, successor: bytes, now: datetime, ends_at: datetime
) -> SessionRow:
    """Write down that the newest token was used, and add its successor. Returns the session as it is then."""
    rotated = msgspec.structs.replace(row, generation=row.generation + 1, seen_at=now, ends_at=ends_at)
    changed: dict[str, Any] = {"generation": rotated.generation, "seen_at": now, "ends_at": ends_at}
    await session.execute(update(_SESSIONS).where(_OF.id == row.id).values(changed))
    mark = update(_TOKENS).where(_OF_TOKEN.hash == used.hash)
    await session.execute(mark.values(rotated_at=now, successor=successor))
    await session.execute(insert(_TOKENS).values(_token(row.id, rotated.generation, successor, now)))
    oldest = rotated.generation - TOKENS_PER_SESSION_MAX
    await session.execute(delete(_TOKENS).where(_OF_TOKEN.session == row.id, _OF_TOKEN.generation <= oldest))
    return rotated


def _token(session_id: str, generation: int, hash_: bytes, now: datetime) -> dict[str, Any]:
    row = RefreshTokenRow(
        hash=hash_, session=session_id, generation=generation, issued_at=now, rotated_at=None, successor=None
    )
    return msgspec.structs.asdict(row)


def _is_live(now: datetime) -> ColumnElement[bool]:
    return _OF.revoked_at.is_(None) & (_OF.ends_at > now)


def _revoke(now: datetime) -> Update:
    return update(_SESSIONS).values(revoked_at=now, ends_at=func.least(_OF.ends_at, now))
