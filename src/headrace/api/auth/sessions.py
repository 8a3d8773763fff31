"""Sessions: opened by a sign-in, kept alive by refresh tokens, and ended.

A session is a row in Postgres and a family of refresh tokens. What a request shows is an access token, see
`headrace.identity.access_tokens`: opening, refreshing and ending a session need Postgres, and what happens in between does not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import uuid_utils
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.api.auth.opened_session import Device, OpenSession, Record, record_opened
from headrace.api.identity_database import IdentityDatabase
from headrace.api.turns import Turns
from headrace.contracts.audit import Action
from headrace.contracts.identity import Role, UserState
from headrace.contracts.sessions import SessionList
from headrace.identity.access_tokens import AccessTokens
from headrace.identity.passwords import Passwords
from headrace.identity.refresh_tokens import (
    ABSOLUTE,
    IDLE,
    OVERLAP,
    is_refresh_token,
    make_refresh_token,
    next_refresh_tokens,
)
from headrace.identity.secrets import Secrets
from headrace.identity_errors import AccountDisabled, IdentityUnavailable, NotAuthenticated, SignInRefused, UserNotFound
from headrace.store import sessions, users
from headrace.store.identity_tables import SessionRow, UserRow
from headrace.store.one_time_tokens import Purpose, use_token
from headrace.store.sessions import Repeated, Reused, Rotated

TURNS_AT_A_TIME = 4  # of refreshes and sign-in links: the pool of connections also serves lists and details
TURNS_WAITING_MAX = 500  # refreshes that run and wait; one takes milliseconds
TURN_SECONDS = 4.0  # that one waits for its turn: 500 have theirs sooner, unless Postgres hangs

ENDED = "this session has ended; sign in again"
# The same for an unknown address, a wrong password and an account without one: which it was is nobody's business.
WRONG = "the email address or the password is wrong"


class Sessions:
    """Opens, refreshes and ends the sessions of all accounts.

    Args:
        secrets: Hashes refresh tokens, and makes the next one of one.
        access_tokens: Signs access tokens.
        database: Opens transactions on Postgres.
        passwords: Verifies passwords.
        announce: Tells all API processes the ids of sessions that ended, once that is committed.
        clock: Returns the time.
    """

    def __init__(
        self,
        secrets: Secrets,
        access_tokens: AccessTokens,
        database: IdentityDatabase,
        passwords: Passwords,
        announce: Callable[..., Awaitable[None]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._secrets = secrets
        self._access_tokens = access_tokens
        self._database = database
        self._passwords = passwords
        self._announce = announce
        self._clock = clock
        self._turns = Turns(TURNS_AT_A_TIME, TURNS_WAITING_MAX, _too_many_wait, TURN_SECONDS)

    async def sign_in(self, email: str, password: str, device: Device, record: Record) -> OpenSession:
        """Open a session for who knows the password of an account.

        Raises:
            SignInRefused: There is no such account, or it has another password or none.
            AccountDisabled: The password is right, and the account is disabled.
            TooManySignIns: Too many passwords are being verified.
            IdentityUnavailable: Postgres cannot be reached.
        """
        user = await self._find_by_email(email)
        if not await self._passwords.verify(password, user and user.password) or user is None:
            raise SignInRefused(WRONG, user and user.id)
        hashed_again = await self._hash_if_outdated(user, password)
        try:
            async with self._database.transaction() as transaction:
                current = await users.lock_user(transaction, user.id)
                if current.password != user.password:
                    raise SignInRefused(WRONG, user.id)
                if hashed_again is not None:
                    current = await users.change_user(transaction, user.id, password=hashed_again)
                opened, ended = await self._open(transaction, current, device)
                await record_opened(record, transaction, opened, "password")
        except UserNotFound:
            # It was deleted while its password was verified.
            raise SignInRefused(WRONG, user.id) from None
        await self._announce(*ended)
        return opened

    async def enter(self, token: str, device: Device, record: Record) -> OpenSession | None:
        """Open a session for who has a sign-in link, and use up the link.

        Returns:
            The session; None when there is no such link, or it has expired or was used.

        Raises:
            AccountDisabled: The account is disabled.
            IdentityUnavailable: Postgres cannot be reached.
        """
        async with self._turns.take(), self._database.transaction() as transaction:
            owner = await use_token(transaction, self._secrets.hashes(token), Purpose.ENTER, self._clock())
            if owner is None:
                return None
            user = await users.lock_user(transaction, owner)
            opened, ended = await self._open(transaction, user, device)
            await record_opened(record, transaction, opened, "link")
        await self._announce(*ended)
        return opened

    async def refresh(self, token: str, record: Record) -> OpenSession:
        """Use a refresh token, and return the next tokens of its session.

        Raises:
            NotAuthenticated: The token is unknown or was used before, or its session has ended. A session whose token was used
                before ends at once.
            AccountDisabled: The account is disabled.
            IdentityUnavailable: Postgres cannot be reached.
        """
        successors = next_refresh_tokens(self._secrets, token)
        async with self._turns.take(), self._database.transaction() as transaction:
            outcome = await self._rotate(transaction, token, successors[0])
            if isinstance(outcome, Reused):
                row = outcome.session
                await record(Action.SESSION_TOKEN_REUSED, subject=row.id, session=transaction, owner=row.owner)
        match outcome:
            case Rotated(row, user):
                return self._with_tokens(row, user, successors[0])
            case Repeated(row, user, successor):
                return self._with_tokens(row, user, self._find(successor, successors))
            case Reused(row):
                await self._announce(row.id)
                raise NotAuthenticated(
                    "this refresh token was used before, so somebody else may have it; its session has ended, sign in again",
                    is_invalid=True,
                    remedy=None,
                )
            case None:
                raise NotAuthenticated(ENDED, is_invalid=True, remedy=None)

    async def end(self, owner: str, session_id: str, record: Record, action: Action = Action.SESSION_ENDED) -> bool:
        """End a session of an account. Returns whether there was one that had not ended.

        Args:
            owner: The id of the account.
            session_id: The session.
            record: Records it.
            action: What it is recorded as.

        Raises:
            IdentityUnavailable: Postgres cannot be reached.
        """
        async with self._database.transaction() as transaction:
            has_ended = await sessions.revoke_session(transaction, owner, session_id, self._clock())
            if has_ended:
                await record(action, subject=session_id, actor=owner, session=transaction)
        await self._announce(*[session_id] * has_ended)
        return has_ended

    async def end_by_token(self, token: str, record: Record) -> bool:
        """End the session that a refresh token belongs to. Returns whether there was one that had not ended.

        Raises:
            IdentityUnavailable: Postgres cannot be reached.
        """
        async with self._turns.take(), self._database.transaction() as transaction:
            outcome = await self._rotate(transaction, token, next_refresh_tokens(self._secrets, token)[0])
            if isinstance(outcome, Rotated | Repeated):
                row = outcome.session
                await sessions.revoke_session(transaction, row.owner, row.id, self._clock())
            if outcome is not None:
                reason = Action.SESSION_TOKEN_REUSED if isinstance(outcome, Reused) else Action.SESSION_ENDED
                await record(reason, subject=outcome.session.id, session=transaction, owner=outcome.session.owner)
        await self._announce(*[outcome.session.id] if outcome else [])
        return outcome is not None

    async def end_all(self, owner: str, record: Record, keep: str | None = None) -> int:
        """End the sessions of an account but the one to ``keep``, and return how many that were.

        Raises:
            IdentityUnavailable: Postgres cannot be reached.
        """
        async with self._database.transaction() as transaction:
            ended = await sessions.revoke_sessions(transaction, owner, self._clock(), keep)
            await record(Action.USER_SIGNED_OUT, subject=owner, session=transaction, sessions=len(ended))
        await self._announce(*ended)
        return len(ended)

    async def list(self, owner: str, current: str) -> SessionList:
        """List the sessions of an account, newest first. ``current`` is the id of the one that asks.

        Raises:
            IdentityUnavailable: Postgres cannot be reached.
        """
        async with self._database.transaction() as transaction:
            return SessionList(items=await sessions.list_live_sessions(transaction, owner, self._clock(), current))

    async def find_user(self, user: str) -> UserRow:
        """Return an account.

        Raises:
            NotAuthenticated: It was deleted meanwhile.
            IdentityUnavailable: Postgres cannot be reached.
        """
        async with self._database.transaction() as transaction:
            found = await users.find_user(transaction, user)
        if found is None:
            raise NotAuthenticated("this account was deleted", is_invalid=True, remedy=None)
        return found

    async def _find_by_email(self, email: str) -> UserRow | None:
        # Postgres takes no text with this character, and no account has it in its address.
        if "\0" in email:
            return None
        async with self._database.transaction() as transaction:
            return await users.find_by_email(transaction, email)

    async def _hash_if_outdated(self, user: UserRow, password: str) -> str | None:
        if user.password is None or not self._passwords.is_outdated(user.password):
            return None
        return await self._passwords.hash_again(password)

    async def _open(self, transaction: AsyncSession, user: UserRow, device: Device) -> tuple[OpenSession, list[str]]:
        """Open a session, and return it with the ids of the older ones that ended for it."""
        _refuse_disabled(user)
        now = self._clock()
        row = SessionRow(
            id=str(uuid_utils.uuid7()),
            owner=user.id,
            generation=0,
            created_at=now,
            seen_at=now,
            expires_at=now + ABSOLUTE,
            ends_at=now + IDLE,
            address=device.address,
            agent=device.agent,
            revoked_at=None,
        )
        token = make_refresh_token()
        ended = await sessions.open_session(transaction, row, self._secrets.hash(token))
        await users.note_seen(transaction, [user.id], now)
        return self._with_tokens(row, user, token), ended

    async def _rotate(
        self, transaction: AsyncSession, token: str, successor: str
    ) -> Rotated | Repeated | Reused | None:
        if not is_refresh_token(token):
            return None
        return await sessions.rotate_refresh_token(
            transaction,
            self._secrets.hashes(token),
            self._secrets.hash(successor),
            self._clock(),
            idle=IDLE,
            overlap=OVERLAP,
        )

    def _find(self, hashed: bytes, tokens: Sequence[str]) -> str:
        """Return the token that was stored under a hash.

        Raises:
            NotAuthenticated: It is none of these: a secret was taken away meanwhile.
        """
        for token in tokens:
            if hashed in self._secrets.hashes(token):
                return token
        raise NotAuthenticated(ENDED, is_invalid=True, remedy=None)

    def _with_tokens(self, row: SessionRow, user: UserRow, refresh_token: str) -> OpenSession:
        _refuse_disabled(user)
        access = self._access_tokens.issue(user.id, row.id, Role(user.role), UserState(user.state))
        return OpenSession(row, user, access, refresh_token)


def _refuse_disabled(user: UserRow) -> None:
    if user.state == UserState.DISABLED:
        because = f": {user.reason}" if user.reason else ""
        raise AccountDisabled(f"this account is disabled{because}; ask an administrator", user.id)


def _too_many_wait() -> IdentityUnavailable:
    return IdentityUnavailable("too many sessions are being refreshed at the moment; try again shortly")
