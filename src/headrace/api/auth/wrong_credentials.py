"""Wrong API keys and reset tokens, counted for each address: each costs a look into Postgres, which whoever guesses one repeats.

This process counts by itself, so nothing is asked of NATS for somebody who is not let in. Keys that this process has verified lately go
on working from every address, and a good credential is never counted.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

from headrace.identity_errors import TooManyRequests

WINDOW_SECONDS = 60.0  # begins with the first wrong credential of an address
ADDRESSES_MAX = 20_000  # that are remembered; the window that began first is forgotten first


class WrongCredentials:
    """How many wrong credentials came from where in the last minute, as far as this process knows.

    Args:
        limit: How many an address may present in a window.
        clock: Seconds by the monotonic clock.
    """

    def __init__(self, limit: int, clock: Callable[[], float] = monotonic) -> None:
        self._limit = limit
        self._clock = clock
        # By address: when its window ends, and how many credentials were wrong in it.
        self._windows: OrderedDict[str, tuple[float, int]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._windows)

    def check(self, address: str) -> None:
        """Refuse to look a credential up for an address that has presented too many wrong ones.

        Raises:
            TooManyRequests: It has, in the present window.
        """
        found = self._windows.get(address)
        if found is None:
            return
        ends_at, count = found
        left = ends_at - self._clock()
        if left <= 0:
            del self._windows[address]
        elif count >= self._limit:
            seconds = int(left) + 1
            raise TooManyRequests(
                f"{count:,} wrong API keys or reset tokens have come from this address within a minute, so no others are looked up; "
                f"keys that are in use go on working; try again in {seconds} s",
                retry_after=seconds,
            )

    def note(self, address: str) -> None:
        """Count a wrong credential of an address."""
        now = self._clock()
        ends_at, count = self._windows.get(address, (0.0, 0))
        if ends_at <= now:
            self._windows.pop(address, None)
            ends_at, count = now + WINDOW_SECONDS, 0
        self._windows[address] = (ends_at, count + 1)
        if len(self._windows) > ADDRESSES_MAX:
            self._windows.popitem(last=False)
