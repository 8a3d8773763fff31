"""Wrong API keys and reset tokens, counted for each address: each costs a look into Postgres, which whoever guesses one repeats.

This process counts by itself, so nothing is asked of NATS for somebody who is not let in. Keys that this process has verified lately go
on working from every address, and a good credential is not counted once it is known to be good.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from time import monotonic
from typing import Final

from headrace.identity_errors import IdentityUnavailable, InvalidOneTimeToken, NotAuthenticated, TooManyRequests

WINDOW_SECONDS = 60.0  # begins with the first wrong credential of an address
ADDRESSES_MAX = 20_000  # that are remembered; the one that has asked for nothing for longest is forgotten first
WAITING_MAX = 500  # lookups in all that wait for others of their address; one takes a millisecond

# Whoever goes away before the answer has had the credential looked up all the same.
_WRONG: Final = (NotAuthenticated, InvalidOneTimeToken, asyncio.CancelledError)


class _Address:
    """What came from an address.

    Attributes:
        ends_at: When its window ends, by the monotonic clock.
        wrong: Credentials in the window that were wrong.
        open: Credentials that are being looked up.
        decided: Set when one of these is known to be good or wrong.
    """

    __slots__ = ("decided", "ends_at", "open", "wrong")

    def __init__(self) -> None:
        self.ends_at = 0.0
        self.wrong = self.open = 0
        self.decided = asyncio.Event()


class WrongCredentials:
    """How many wrong credentials came from where in the last minute, as far as this process knows.

    Args:
        limit: How many an address may present in a window.
        clock: Seconds by the monotonic clock.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = monotonic) -> None:
        self._limit = limit
        self._clock = clock
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        self._waiting = 0

    def __len__(self) -> int:
        return len(self._addresses)

    @asynccontextmanager
    async def attempt(self, address: str) -> AsyncGenerator[None]:
        """Look a credential of an address up in the block, which raises `NotAuthenticated` or `InvalidOneTimeToken` if it is wrong.

        Until that is known it counts as wrong. So of many that are presented at once, no more are looked up than may be wrong; the
        others wait.

        Raises:
            TooManyRequests: The address has presented too many wrong ones in the present window.
            IdentityUnavailable: Too many wait.
        """
        while (found := self._find(address)).wrong + found.open >= self._limit:
            self._check(found)
            await self._wait(found)
        found.open += 1
        try:
            yield
        except _WRONG:
            found.wrong += 1
            found.ends_at = found.ends_at or self._clock() + WINDOW_SECONDS
            raise
        finally:
            found.open -= 1
            found.decided.set()
            found.decided = asyncio.Event()
            if not (found.wrong or found.open) and self._addresses.get(address) is found:
                del self._addresses[address]

    def _find(self, address: str) -> _Address:
        """Return what is known of an address, in the window of this moment."""
        found = self._addresses.get(address)
        if found is None:
            found = self._addresses[address] = _Address()
            if len(self._addresses) > ADDRESSES_MAX:
                self._addresses.popitem(last=False)
        self._addresses.move_to_end(address)
        if found.ends_at <= self._clock():
            found.wrong, found.ends_at = 0, 0.0
        return found

    def _check(self, found: _Address) -> None:
        if found.wrong >= self._limit:
            seconds = int(found.ends_at - self._clock()) + 1
            raise TooManyRequests(
                f"{found.wrong:,} wrong API keys or reset tokens have come from this address within a minute, so no others are looked "
                f"up; keys that are in use go on working; try again in {seconds} s",
                retry_after=seconds,
            )

    async def _wait(self, found: _Address) -> None:
        if self._waiting >= WAITING_MAX:
            raise IdentityUnavailable("too many keys are being looked up; try again shortly")
        self._waiting += 1
        try:
            await found.decided.wait()
        finally:
            self._waiting -= 1
