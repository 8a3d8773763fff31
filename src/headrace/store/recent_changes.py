"""What has lately taken trust away, as Postgres has it: revoked keys, sessions that were ended, and accounts that were changed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import ARRAY, Text, any_, cast, select
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.audit import Action
from headrace.contracts.identity import Role, UserState
from headrace.store import identity_tables

ROWS_MAX = 100_000  # of each kind; the newest of more
CLOCKS_DIFFER = timedelta(minutes=1)  # between the process that ended a session and this one

_CHANGES_OF_USERS = [
    action.value for action in (Action.USER_CHANGED, Action.USER_APPROVED, Action.USER_REJECTED, Action.USER_DELETED)
]


class ChangedUser(NamedTuple):
    """An account that was changed, as it is now. One that was deleted is disabled."""

    id: str
    role: Role
    state: UserState


async def list_revoked_keys(session: AsyncSession, since: datetime) -> list[str]:
    """List the ids of the keys that were revoked since an instant."""
    of = identity_tables.api_keys.c
    newest = select(of.id).where(of.revoked_at >= since).order_by(of.revoked_at.desc())
    return list(await session.scalars(newest.limit(ROWS_MAX)))


async def list_ended_sessions(session: AsyncSession, since: datetime, now: datetime) -> list[str]:
    """List the ids of the sessions that were ended since an instant, as far as their rows are kept."""
    of = identity_tables.sessions.c
    # A session that is revoked ends then at the latest, and those that go on are beyond this range of the index.
    has_ended = of.ends_at.between(since, now + CLOCKS_DIFFER) & of.revoked_at.is_not(None)
    return list(await session.scalars(select(of.id).where(has_ended).order_by(of.ends_at.desc()).limit(ROWS_MAX)))


async def list_changed_users(session: AsyncSession, since: datetime) -> list[ChangedUser]:
    """List the accounts that were changed or deleted since an instant, by the audit, which outlives them."""
    of, of_user = identity_tables.audit.c, identity_tables.users.c
    is_change = (of.action == any_(cast(_CHANGES_OF_USERS, ARRAY(Text)))) & (of.at >= since)
    changed = select(of.subject).where(is_change).distinct().limit(ROWS_MAX).subquery()
    found = select(changed.c.subject, of_user.role, of_user.state).outerjoin_from(
        changed, identity_tables.users, of_user.id == changed.c.subject
    )
    return [
        ChangedUser(id_, Role(role or Role.MEMBER), UserState(state or UserState.DISABLED))
        for id_, role, state in await session.execute(found)
    ]
