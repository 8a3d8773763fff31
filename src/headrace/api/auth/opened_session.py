"""A session that was just opened or refreshed: where from, with which tokens, and how the audit has it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.audit import Action
from headrace.identity.access_tokens import IssuedToken
from headrace.store.identity_tables import SessionRow, UserRow


class Record(Protocol):
    """Records what a request does, see `headrace.api.auth.audit.audit`."""

    async def __call__(
        self,
        action: Action,
        *,
        subject: str | None = None,
        actor: str | None = None,
        session: AsyncSession | None = None,
        **data: object,
    ) -> None:
        """Add an entry to the audit, in the transaction ``session``."""
        ...


class Device(NamedTuple):
    """Where a sign-in comes from, as its owner sees it in the list of sessions."""

    address: str | None
    agent: str | None


class OpenSession(NamedTuple):
    """A session that was just opened or refreshed, with its tokens.

    Attributes:
        row: The session.
        user: Its account.
        access: The access token.
        refresh_token: The refresh token. It is valid until the session ends.
    """

    row: SessionRow
    user: UserRow
    access: IssuedToken
    refresh_token: str


async def record_opened(record: Record, transaction: AsyncSession, opened: OpenSession, how: str) -> None:
    """Record that a session was opened, and whether a password or a link has opened it."""
    user = opened.user.id
    await record(Action.SESSION_CREATED, subject=opened.row.id, actor=user, session=transaction, signed_in_by=how)
