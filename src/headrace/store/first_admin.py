"""The first administrator of an installation: made once, whoever and however many ask for it at the same time."""

from __future__ import annotations

from datetime import datetime

import msgspec
from sqlalchemy import exists, func, select
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.identity import Role, UserState
from headrace.store import identity_tables
from headrace.store.identity_tables import UserRow

# What was made before there were accounts has this owner, so it belongs to the first administrator.
FIRST_ADMIN = "local"
FIRST_ADMIN_LOCK = 0x48_52_41  # any number, the same in every process ("HRA"); the projector's lock is "HRP"

_USERS = identity_tables.users


async def has_admin(session: AsyncSession) -> bool:
    """Return whether there is an administrator who can sign in."""
    of = _USERS.c
    admin = exists().where(of.role == Role.ADMIN.value, of.state == UserState.ACTIVE.value)
    return await session.scalar(select(admin)) or False


async def create_first_admin(
    session: AsyncSession, email: str, password: str, now: datetime, display_name: str = "Administrator"
) -> str | None:
    """Make the first administrator, in a transaction that the caller commits.

    Args:
        session: A session.
        email: Its email address, in the form of `headrace.contracts.identity.Email`.
        password: The hash of its password.
        now: The time.
        display_name: Its name for people.

    Returns:
        Its id, `FIRST_ADMIN`. None when there is an administrator already, or the address belongs to another account.
    """
    # Whoever comes second waits here until the first one has committed, and then finds its administrator.
    await session.execute(select(func.pg_advisory_xact_lock(FIRST_ADMIN_LOCK)))
    if await has_admin(session):
        return None
    row = UserRow(
        id=FIRST_ADMIN,
        email=email,
        display_name=display_name,
        role=Role.ADMIN.value,
        state=UserState.ACTIVE.value,
        password=password,
        reason=None,
        created_at=now,
        decided_at=None,
        decided_by=None,
        seen_at=None,
    )
    added = postgresql.insert(_USERS).values(msgspec.structs.asdict(row)).on_conflict_do_nothing()
    return await session.scalar(added.returning(_USERS.c.id))
