"""Accounts: asked for, decided about, changed and deleted. Each change is a transaction, and then told to all API processes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Protocol

import uuid_utils
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.api.identity_database import IdentityDatabase
from headrace.contracts.audit import Action
from headrace.contracts.hints import UserHintChange
from headrace.contracts.identity import Decision, NewUser, Role, User, UserChange, UserState
from headrace.identity.account_rules import change_account, check_last_admin, decide
from headrace.identity.passwords import Passwords
from headrace.identity_errors import TooManyPendingUsers, UserNotFound
from headrace.store import sessions, users
from headrace.store.cursors import Cursor
from headrace.store.identity_tables import UserRow

HOW_TO_FIND_IDS = "use the id of the account, which GET /api/v1/users?q=<email address> has"

_RECORDED = {UserState.ACTIVE: Action.USER_APPROVED, UserState.REJECTED: Action.USER_REJECTED}


class Record(Protocol):
    """Adds an entry to the audit in the transaction of a change, as `headrace.api.auth.audit.audit` does for a request."""

    async def __call__(
        self,
        action: Action,
        *,
        subject: str | None = None,
        actor: str | None = None,
        session: AsyncSession | None = None,
        **data: object,
    ) -> None:
        """Add an entry."""
        ...


class Accounts:
    """The accounts of all users, but for their passwords. Each change is recorded in the audit.

    Args:
        database: Opens transactions on Postgres.
        passwords: Hashes passwords.
        announce: Tells all API processes what an account may do now, once that is committed.
        announce_ended: Tells them the ids of sessions that ended.
        end_schedules: Deletes the schedules of an owner from the log.
        hint: Tells administrators that somebody has asked for an account, or that one was decided about, without waiting.
        clock: Returns the time.
    """

    def __init__(
        self,
        database: IdentityDatabase,
        passwords: Passwords,
        announce: Callable[[str, Role, UserState], Awaitable[None]],
        announce_ended: Callable[..., Awaitable[None]],
        end_schedules: Callable[[str], Awaitable[None]],
        hint: Callable[[str, UserHintChange, UserState], None],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._database = database
        self._passwords = passwords
        self._announce = announce
        self._announce_ended = announce_ended
        self._end_schedules = end_schedules
        self._hint = hint
        self._clock = clock

    async def register(self, asked: NewUser, record: Record) -> None:
        """Make a pending account, unless the email address has an account.

        Whether it has one follows neither from the outcome nor from how long it takes: in any case the password is hashed, which is
        nearly all of it, and an entry of the audit is written and committed.

        Raises:
            InvalidInput: The password may not be used.
            TooManyPendingUsers: As many accounts wait as administrators can decide about.
            TooManySignIns: Too many passwords are being hashed.
            IdentityUnavailable: Postgres cannot be reached.
        """
        async with self._database.transaction() as transaction:
            if await users.count_users(transaction, UserState.PENDING) >= users.PENDING_USERS_MAX:
                raise TooManyPendingUsers(
                    "too many accounts wait for the decision of an administrator; try again later"
                )
        password = await self._passwords.hash_new(asked.password, (asked.email, asked.display_name))
        row = self._new(asked.display_name, Role.MEMBER, UserState.PENDING, asked.email, password)
        async with self._database.transaction() as transaction:
            is_new = await users.insert_user(transaction, row)
            subject = row.id if is_new else None
            await record(Action.USER_REGISTERED, subject=subject, session=transaction, is_new=is_new)
        if is_new:
            self._hint(row.id, UserHintChange.REGISTERED, UserState.PENDING)

    async def create_service(self, display_name: str, record: Record) -> UserRow:
        """Make an account for a program, which is active and has neither an email address nor a password.

        Raises:
            IdentityUnavailable: Postgres cannot be reached.
        """
        row = self._new(display_name, Role.SERVICE, UserState.ACTIVE)
        async with self._database.transaction() as transaction:
            await users.insert_user(transaction, row)
            await record(Action.USER_CREATED, subject=row.id, session=transaction, role=row.role)
        return row

    async def list(
        self, wanted: users.UserFilter, after: Cursor | None, limit: int
    ) -> tuple[list[User], Cursor | None]:
        """List one page of accounts, newest first, and return where the next one begins.

        Raises:
            IdentityUnavailable: Postgres cannot be reached.
        """
        async with self._database.transaction() as transaction:
            return await users.list_users(transaction, wanted, after, limit)

    async def find(self, user: str) -> UserRow:
        """Return an account.

        Raises:
            UserNotFound: There is none.
            IdentityUnavailable: Postgres cannot be reached.
        """
        async with self._database.transaction() as transaction:
            found = await users.find_user(transaction, user)
        if found is None:
            raise unknown_user(user)
        return found

    async def decide(self, user: str, decision: Decision, by: str, record: Record) -> UserRow:
        """Approve or reject an account, and return it as it is then. ``by`` is the id of the administrator.

        Raises:
            UserNotFound: There is none.
            WrongUserState: It is in use, or was.
            IdentityUnavailable: Postgres cannot be reached.
        """
        async with self._database.transaction() as transaction:
            row = await users.lock_user(transaction, user)
            state = decide(UserState(row.state), decision.state)
            if (state.value, decision.reason) != (row.state, row.reason):
                decided: dict[str, object] = {"state": state.value, "reason": decision.reason}
                row = await users.change_user(transaction, user, decided_at=self._clock(), decided_by=by, **decided)
                await record(_RECORDED[state], subject=user, session=transaction, reason=decision.reason)
        await self._tell(row)
        self._hint(row.id, UserHintChange.DECIDED, state)
        return row

    async def change(self, user: str, change: UserChange, record: Record) -> UserRow:
        """Change an account, and return it as it is then. The sessions of a disabled one end.

        Raises:
            InvalidInput: The change cannot be made.
            LastAdmin: Nobody would be an active administrator any more.
            UserNotFound: There is no such account.
            WrongUserState: Nobody has decided about the account yet.
            IdentityUnavailable: Postgres cannot be reached.
        """
        ended: list[str] = []
        async with self._database.transaction() as transaction:
            # Those of administrators come before that of the account, in every transaction that has both.
            admins = await users.lock_active_admins(transaction)
            row = await users.lock_user(transaction, user)
            changed = change_account(Role(row.role), UserState(row.state), change)
            if changed:
                row = await users.change_user(transaction, user, **changed)
                await record(Action.USER_CHANGED, subject=user, session=transaction, changed=changed)
            if not is_active_admin(row):
                check_last_admin(admins, user)
            if row.state == UserState.DISABLED:
                ended = await sessions.revoke_sessions(transaction, user, self._clock())
        await self._tell(row)
        # Their access tokens would be good again, should the account be enabled before they expire.
        await self._announce_ended(*ended)
        return row

    async def delete(self, user: str, record: Record) -> None:
        """Delete an account with its sessions, keys, links and schedules. Its tasks stay in the log.

        Raises:
            LastAdmin: It is the last active administrator.
            LogFull: The log has no room to end the schedules.
            LogUnavailable: The log does not answer.
            UserNotFound: There is no such account.
            IdentityUnavailable: Postgres cannot be reached.
        """
        # A disabled account starts nothing new. Should the schedules not end now, they rest, and an administrator still sees the
        # account; those of a deleted one would go on for ever.
        role = await self._disable(user, record)
        await self._end_schedules(user)
        async with self._database.transaction() as transaction:
            check_last_admin(await users.lock_active_admins(transaction), user)
            if await users.delete_user(transaction, user):
                await record(Action.USER_DELETED, subject=user, session=transaction)
        # Also when it is gone already: whoever was told that this failed repeats the request.
        await self._announce(user, role or Role.MEMBER, UserState.DISABLED)
        if role is None:
            raise unknown_user(user)

    async def _disable(self, user: str, record: Record) -> Role | None:
        """Disable an account that is to be deleted, if it is active, and return its role; None when there is none."""
        async with self._database.transaction() as transaction:
            check_last_admin(await users.lock_active_admins(transaction), user)
            row = await users.find_user(transaction, user)
            if row is not None and row.state == UserState.ACTIVE:
                row = await users.change_user(transaction, user, state=UserState.DISABLED.value)
                await record(Action.USER_CHANGED, subject=user, session=transaction, changed={"state": row.state})
        if row is None:
            return None
        await self._tell(row)
        return Role(row.role)

    async def end_sessions(self, user: str, record: Record) -> None:
        """End all sessions of an account.

        Raises:
            UserNotFound: There is no such account.
            IdentityUnavailable: Postgres cannot be reached.
        """
        async with self._database.transaction() as transaction:
            ended = await sessions.revoke_sessions(transaction, user, self._clock())
            await record(Action.USER_SIGNED_OUT, subject=user, session=transaction, sessions=len(ended))
        await self._announce_ended(*ended)

    async def _tell(self, row: UserRow) -> None:
        await self._announce(row.id, Role(row.role), UserState(row.state))

    def _new(
        self, display_name: str, role: Role, state: UserState, email: str | None = None, password: str | None = None
    ) -> UserRow:
        return UserRow(
            id=str(uuid_utils.uuid7()),
            email=email,
            display_name=display_name,
            role=role.value,
            state=state.value,
            password=password,
            reason=None,
            created_at=self._clock(),
            decided_at=None,
            decided_by=None,
            seen_at=None,
        )


def unknown_user(user: str) -> UserNotFound:
    """Return the error that says that there is no such account, or none that the caller may know of."""
    hint = f"; {HOW_TO_FIND_IDS}" if "@" in user else ""
    return UserNotFound(f"there is no user {user[:80]!r}{hint}")


def is_active_admin(row: UserRow) -> bool:
    """Return whether an account can do what administrators do."""
    return row.role == Role.ADMIN and row.state == UserState.ACTIVE
