"""The queries about users. Those that change something are made inside a transaction, which the caller begins and ends."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import ColumnElement, delete, func, or_, select, text, update
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.identity import Role, User, UserState
from headrace.contracts.preferences import Preferences
from headrace.identity_errors import UserNotFound
from headrace.store import identity_tables
from headrace.store.cursors import Cursor
from headrace.store.identity_tables import UserRow
from headrace.store.newest_pages import fetch_newest
from headrace.store.reading import columns_of, fetch_row
from headrace.store.snapshot import Reads

PENDING_USERS_MAX = 1000  # in all; a person decides about each of them
SEEN_SECONDS = 60  # between two notes of when a user was seen

_USERS = identity_tables.users
_OF = _USERS.c
_USER = columns_of(_USERS, UserRow)
_SELECT_USER = select(*_USER)
_SELECT_NAMES = text("SELECT id, coalesce(email, display_name) FROM users WHERE id = ANY(CAST(:ids AS text[]))")
_SELECT_STATE = text("SELECT state FROM users WHERE id = :user")
_COUNT_PENDING = text(f"SELECT count(*) FROM users WHERE state = '{UserState.PENDING}'")  # noqa: S608 - the name is ours


class UserFilter(NamedTuple):
    """Which users a list shows; None means any. ``text`` is a part of the email address or display name, in any case."""

    state: UserState | None = None
    role: Role | None = None
    text: str | None = None


async def insert_user(session: AsyncSession, row: UserRow) -> bool:
    """Add a user. Returns False when there is one with this id, or with this email address in whatever case."""
    added = postgresql.insert(_USERS).values(msgspec.structs.asdict(row)).on_conflict_do_nothing().returning(_OF.id)
    return await session.scalar(added) is not None


async def find_user(session: Reads, user: str) -> UserRow | None:
    """Find a user."""
    return await fetch_row(session, UserRow, _SELECT_USER.where(_OF.id == user))


async def is_disabled(session: Reads, user: str) -> bool:
    """Return whether a user is disabled. What was made before there were accounts may belong to somebody without a row."""
    return await session.scalar(_SELECT_STATE, {"user": user}) == UserState.DISABLED.value


async def find_by_email(session: AsyncSession, email: str) -> UserRow | None:
    """Find the user with an email address, in whatever case."""
    return await fetch_row(session, UserRow, _SELECT_USER.where(func.lower(_OF.email) == func.lower(email)))


async def find_names(session: Reads, ids: Collection[str]) -> dict[str, str]:
    """Return what people know users by, by their ids: the email address, or the display name of those without one."""
    return {row[0]: row[1] for row in await session.execute(_SELECT_NAMES, {"ids": list(ids)})}


async def list_users(
    session: Reads, wanted: UserFilter, after: Cursor | None, limit: int
) -> tuple[list[User], Cursor | None]:
    """List one page of users, newest first.

    Returns:
        The users, and where the next page begins; None on the last page.
    """
    conditions: list[ColumnElement[bool]] = []
    if wanted.state is not None:
        conditions.append(_OF.state == wanted.state.value)
    if wanted.role is not None:
        conditions.append(_OF.role == wanted.role.value)
    if wanted.text is not None:
        # A part, in which no character stands for others; there is no index for that, and users are thousands at most.
        searched = (func.lower(column) for column in (_OF.email, _OF.display_name))
        conditions.append(or_(*(func.strpos(text, func.lower(wanted.text)) > 0 for text in searched)))
    rows, more = await fetch_newest(
        session, UserRow, _SELECT_USER.where(*conditions), _USERS.c.created_at, after, limit
    )
    return [to_user(row) for row in rows], more


async def count_users(session: Reads, state: UserState) -> int:
    """Count the users in a state."""
    return await session.scalar(select(func.count()).select_from(_USERS).where(_OF.state == state.value)) or 0


async def count_by_state(session: Reads) -> dict[UserState, int]:
    """Count all users by their state. They are thousands at most."""
    counted = select(_OF.state, func.count()).group_by(_OF.state)
    return {UserState(row[0]): row[1] for row in await session.execute(counted)}


async def count_pending(session: Reads) -> int:
    """Count the users that wait for a decision."""
    return await session.scalar(_COUNT_PENDING) or 0


async def lock_user(session: AsyncSession, user: str) -> UserRow:
    """Find a user, and keep others from changing it, or from adding to what it has, until the transaction ends.

    Raises:
        UserNotFound: There is no such user.
    """
    # Rows that refer to the user may be added meanwhile: their foreign keys wait for nothing that keeps its id.
    row = await fetch_row(session, UserRow, _SELECT_USER.where(_OF.id == user).with_for_update(key_share=True))
    if row is None:
        raise UserNotFound(f"there is no user {user!r}")
    return row


async def lock_active_admins(session: AsyncSession) -> list[str]:
    """Return the ids of the administrators that can sign in, none of whom can cease to be one until the transaction ends.

    Whoever takes away the role or the account of an administrator asks first, so that two who do so at the same time leave one.
    """
    admins = select(_OF.id).where(_OF.role == Role.ADMIN.value, _OF.state == UserState.ACTIVE.value)
    return list(await session.scalars(admins.order_by(_OF.id).with_for_update(key_share=True)))


async def change_user(session: AsyncSession, user: str, **changed: object) -> UserRow:
    """Change columns of a user, and return it as it is then.

    Raises:
        UserNotFound: There is no such user.
    """
    statement: Any = update(_USERS).where(_OF.id == user).values(changed).returning(*_USER)
    row = await fetch_row(session, UserRow, statement)
    if row is None:
        raise UserNotFound(f"there is no user {user!r}")
    return row


async def note_seen(session: AsyncSession, users: Collection[str], at: datetime) -> None:
    """Write down that users were seen, of each at most once a minute. One that somebody else changes just now is left out."""
    is_stale = _OF.seen_at.is_(None) | (_OF.seen_at < at - timedelta(seconds=SEEN_SECONDS))
    stale = select(_OF.id).where(_OF.id.in_(users), is_stale).with_for_update(key_share=True, skip_locked=True)
    await session.execute(update(_USERS).where(_OF.id.in_(stale.scalar_subquery())).values(seen_at=at))


async def delete_user(session: AsyncSession, user: str) -> bool:
    """Delete a user with its sessions, its keys and its one-time tokens. Its tasks stay. Returns whether there was one."""
    return await session.scalar(delete(_USERS).where(_OF.id == user).returning(_OF.id)) is not None


def to_user(row: UserRow) -> User:
    """Build what clients see of a user."""
    return msgspec.convert({name: getattr(row, name) for name in User.__struct_fields__}, User)


def to_preferences(row: UserRow) -> Preferences:
    """Return how a user wants to see things."""
    try:
        return Preferences() if row.preferences is None else msgspec.json.decode(row.preferences, type=Preferences)
    except msgspec.ValidationError:
        # A later version, which was taken back, has written a choice that this one does not have.
        return Preferences()


def preferences_column(preferences: Preferences) -> str:
    """Return preferences as the row of their user has them."""
    return msgspec.json.encode(preferences).decode()
