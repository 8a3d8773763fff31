"""Credentials: verified once, then known for a while.

A request with a known credential costs one look into a dictionary. When Postgres is away, known credentials go on working for
some minutes, so that tasks can still be submitted and followed. What the dictionary is asked for is a hash with a key of this
process, so that a dump of its memory has no table of credentials.
"""

from __future__ import annotations

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from hashlib import blake2b
from time import monotonic, time
from typing import Protocol

from headrace.identity.key_format import PREFIX
from headrace.identity.principals import Principal
from headrace.identity_errors import IdentityUnavailable, NotAuthenticated
from headrace.telemetry import get_logger

KNOWN_MAX = 20_000  # credentials; one takes about 1 KB
FRESH_SECONDS = 300.0  # after which a credential is verified again
OUTAGE_SECONDS = 900.0  # for which one goes on working while it cannot be verified
FIRST_SECONDS = 2.0  # a request waits no longer for the first verification, nor for those of others before it
PATIENCE_SECONDS = 0.5  # a request waits no longer for a verification that it can do without
RETRY_SECONDS = 5.0  # between two attempts to verify a credential again during an outage
TOKEN_CHARS_MAX = 4096  # of what is presented; an access token has about 600

_INVALID_KEY = "this API key is not valid: it is unknown or not complete, was revoked or has expired, or its account is not active; use another one"
_ENDED = "this session has ended, or its access token is not valid any more; refresh it with PUT /api/v1/session, or sign in again"
_DIGEST_BYTES = 16

log = get_logger(__name__)


class Verifier(Protocol):
    """Verifies one form of credential."""

    def takes(self, token: str) -> bool:
        """Return whether a token has the form that this one verifies."""
        ...

    async def verify(self, token: str) -> Principal | None:
        """Return the principal of a token; None when the token is not valid.

        Raises:
            IdentityUnavailable: The token cannot be verified at the moment.
        """
        ...


class _Known:
    """A credential that was verified.

    Attributes:
        principal: Whose it is.
        fresh_until: When it has to be verified again, by the monotonic clock.
        ends_at: When it cannot be used any more unless it was verified again.
    """

    __slots__ = ("ends_at", "fresh_until", "principal")

    def __init__(self, principal: Principal, now: float) -> None:
        self.principal = principal
        self.fresh_until = now + FRESH_SECONDS
        self.ends_at = now + OUTAGE_SECONDS


class Credentials:
    """The credentials that this process has verified lately, at most `KNOWN_MAX` of them.

    Args:
        verifiers: The first one that takes a token verifies it.
        is_good: Tells whether a principal may still be used: it was not revoked, nor its account disabled or changed.
        clock: Seconds by the monotonic clock.
    """

    def __init__(
        self,
        verifiers: Sequence[Verifier],
        is_good: Callable[[Principal], bool] = lambda _: True,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._verifiers = tuple(verifiers)
        self._is_good = is_good
        self._clock = clock
        self._hash_key = secrets.token_bytes(32)
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._checks: dict[bytes, asyncio.Task[Principal | None]] = {}
        # The known tokens by the name of their credential: a session has several in its life, and a key one.
        self._tokens_of: dict[str, set[bytes]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def known(self, token: str) -> Principal | None:
        """Return the principal of a token that was verified lately; None when it has to be verified first."""
        digest = self._digest(token)
        found = self._known.get(digest)
        if found is None or self._clock() >= found.fresh_until or _has_expired(found.principal):
            return None
        self._known.move_to_end(digest)
        return found.principal

    def was_verified(self, token: str) -> bool:
        """Return whether a token was verified lately, be it that it has to be verified again."""
        return self._digest(token) in self._known

    async def verify(self, token: str) -> Principal:
        """Verify a token, and remember it.

        Raises:
            NotAuthenticated: The token is not valid.
            IdentityUnavailable: The token cannot be verified at the moment, and was not verified lately.
        """
        digest = self._digest(token)
        principal = await self._verify_again(digest, token) or await self._verify_first(digest, token)
        if principal is None or _has_expired(principal):
            raise NotAuthenticated(_INVALID_KEY if token.startswith(PREFIX) else _ENDED, is_invalid=True, remedy=None)
        return principal

    def forget_credential(self, credential: str) -> None:
        """Forget a credential, as `Principal` names it; the next request with it has it verified again."""
        for digest in self._tokens_of.pop(credential, ()):
            del self._known[digest]

    def forget(self, is_meant: Callable[[Principal], bool]) -> None:
        """Forget the credentials of the principals that are meant; the next request with one has it verified again."""
        for digest in [digest for digest, known in self._known.items() if is_meant(known.principal)]:
            self._drop(digest)

    async def _verify_again(self, digest: bytes, token: str) -> Principal | None:
        """Verify a known token again, and return its principal as it was when that takes too long or cannot be done."""
        known = self._known.get(digest)
        now = self._clock()
        if known is None or now >= known.ends_at or _has_expired(known.principal):
            return None
        if digest in self._checks:
            return known.principal
        known.fresh_until = min(now + RETRY_SECONDS, known.ends_at)
        check = self._check(digest, token)
        await asyncio.wait({check}, timeout=PATIENCE_SECONDS)
        with suppress(IdentityUnavailable):
            if check.done():
                return check.result()
        # It may have been revoked meanwhile.
        return known.principal if self._known.get(digest) is known else None

    async def _verify_first(self, digest: bytes, token: str) -> Principal | None:
        check = self._check(digest, token)
        await asyncio.wait({check}, timeout=FIRST_SECONDS)
        if not check.done():
            raise IdentityUnavailable("credentials cannot be verified in time at the moment; try again shortly")
        try:
            return check.result()
        except IdentityUnavailable as error:
            # Each of the requests that wait has an error of its own: one that they share would keep all of them.
            raise IdentityUnavailable(error.message) from None

    def _check(self, digest: bytes, token: str) -> asyncio.Task[Principal | None]:
        """Return the task that verifies a token: one for all requests that wait for it."""
        check = self._checks.get(digest)
        if check is None:
            check = asyncio.create_task(self._verify(digest, token), name="verify a credential")
            self._checks[digest] = check
            check.add_done_callback(lambda done: self._end(digest, done))
        return check

    def _end(self, digest: bytes, done: asyncio.Task[Principal | None]) -> None:
        del self._checks[digest]
        # Whoever still waits raises the error as well.
        if not done.cancelled() and (error := done.exception()) is not None:
            log.warning("a credential cannot be verified", error=str(error))

    async def _verify(self, digest: bytes, token: str) -> Principal | None:
        verifier = next((each for each in self._verifiers if each.takes(token)), None)
        if verifier is None:
            return None
        principal = await verifier.verify(token)
        # A revocation may have arrived while the answer of Postgres, which is older, was on its way.
        if principal is not None and not self._is_good(principal):
            principal = await verifier.verify(token)
        self._drop(digest)
        if principal is None or not self._is_good(principal):
            return None
        self._remember(digest, principal)
        return principal

    def _remember(self, digest: bytes, principal: Principal) -> None:
        self._known[digest] = _Known(principal, self._clock())
        self._tokens_of.setdefault(principal.credential, set()).add(digest)
        while len(self._known) > KNOWN_MAX:
            self._drop(next(iter(self._known)))

    def _drop(self, digest: bytes) -> None:
        known = self._known.pop(digest, None)
        if known is None:
            return
        credential = known.principal.credential
        self._tokens_of[credential].discard(digest)
        if not self._tokens_of[credential]:
            del self._tokens_of[credential]

    def _digest(self, token: str) -> bytes:
        return blake2b(token.encode(), digest_size=_DIGEST_BYTES, key=self._hash_key).digest()


def _has_expired(principal: Principal) -> bool:
    return principal.expires_at is not None and time() >= principal.expires_at
