"""The passwords of accounts: changed with the old one, or set anew with the token of a reset link."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

from headrace.api.auth.accounts import Record, unknown_user
from headrace.api.identity_database import IdentityDatabase
from headrace.contracts.audit import Action
from headrace.identity.passwords import Passwords
from headrace.identity.secrets import Secrets
from headrace.identity_errors import InvalidOneTimeToken, WrongPassword
from headrace.store import one_time_tokens, sessions, users
from headrace.store.identity_tables import UserRow
from headrace.store.one_time_tokens import Purpose


class AccountPasswords:
    """Changes the passwords of accounts. Each change is recorded in the audit.

    Args:
        secrets: Hashes the tokens of reset links.
        database: Opens transactions on Postgres.
        passwords: Verifies and hashes passwords.
        announce: Tells all API processes the ids of sessions that ended, once that is committed.
        clock: Returns the time.
    """

    def __init__(
        self,
        secrets: Secrets,
        database: IdentityDatabase,
        passwords: Passwords,
        announce: Callable[..., Awaitable[None]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._secrets = secrets
        self._database = database
        self._passwords = passwords
        self._announce = announce
        self._clock = clock

    async def change(self, user: str, old: str, new: str, keep: str, record: Record) -> None:
        """Change the password of an account, and end its sessions but the one to ``keep``.

        Raises:
            WrongPassword: The old password is wrong.
            InvalidInput: The new one may not be used.
            UserNotFound: The account was deleted meanwhile.
            TooManySignIns: Too many passwords are being hashed.
            IdentityUnavailable: Postgres cannot be reached.
        """
        async with self._database.transaction() as transaction:
            found = await users.find_user(transaction, user)
        if found is None:
            raise unknown_user(user)
        if not await self._passwords.verify(old, found.password):
            raise WrongPassword("the old password is wrong")
        hashed = await self._passwords.hash_new(new, _about(found), "/new")
        async with self._database.transaction() as transaction:
            if (await users.lock_user(transaction, user)).password != found.password:
                raise WrongPassword("the password was changed meanwhile, so the old password is wrong")
            await users.change_user(transaction, user, password=hashed)
            await one_time_tokens.revoke_tokens(transaction, user)
            ended = await sessions.revoke_sessions(transaction, user, self._clock(), keep)
            await record(Action.PASSWORD_CHANGED, subject=user, session=transaction)
        await self._announce(*ended)

    async def reset(self, token: str, new: str, record: Record) -> None:
        """Set the password of the account that a reset link is for, and end all its sessions.

        A password that may not be used does not use up the token.

        Raises:
            InvalidOneTimeToken: There is no such link, or it has expired or was used.
            InvalidInput: The password may not be used.
            TooManySignIns: Too many passwords are being hashed.
            IdentityUnavailable: Postgres cannot be reached.
        """
        hashes, now = self._secrets.hashes(token), self._clock()
        async with self._database.transaction() as transaction:
            owner = await one_time_tokens.find_token(transaction, hashes, Purpose.RESET, now)
            found = None if owner is None else await users.find_user(transaction, owner)
        if found is None:
            raise _invalid_token()
        hashed = await self._passwords.hash_new(new, _about(found))
        async with self._database.transaction() as transaction:
            # Of several who use the token at the same moment, one deletes it.
            if await one_time_tokens.use_token(transaction, hashes, Purpose.RESET, now) is None:
                raise _invalid_token()
            await users.change_user(transaction, found.id, password=hashed)
            await one_time_tokens.revoke_tokens(transaction, found.id)
            ended = await sessions.revoke_sessions(transaction, found.id, now)
            await record(Action.PASSWORD_RESET, subject=found.id, actor=found.id, session=transaction)
        await self._announce(*ended)


def _about(user: UserRow) -> tuple[str, ...]:
    return tuple(each for each in (user.email, user.display_name) if each)


def _invalid_token() -> InvalidOneTimeToken:
    return InvalidOneTimeToken("this link was used, has expired, or never was one; ask an administrator for a new one")
