"""The places for event streams that each account has: as many as its limit says, over all API processes.

A process counts its own streams, and is told of those of the others, see `headrace.api.streaming.shared_places`. What another
process has told counts for as long as that process goes on telling something. So the streams of one that was killed hold nobody up
for longer than `LEASE_SECONDS`.

An account that opens streams at several processes within the moment that the news takes may get more than its limit, and never more
than its limit at each of the processes.
"""

from __future__ import annotations

import asyncio
import sys
from collections import Counter, OrderedDict
from collections.abc import Callable
from heapq import nlargest
from time import monotonic

from msgspec import Struct

from headrace.api.streaming.viewer import Viewer
from headrace.identity_errors import TooManyRequests

LEASE_SECONDS = 12.0  # three times as long as between two messages of a process; two of them may be lost
PROCESSES_MAX = 1000  # that are remembered; whoever has said nothing for the longest time is forgotten first
ACCOUNTS_MAX = 10_000  # in a message: about 600 kB, and NATS takes 1 MB unless it is told otherwise
RETRY_SECONDS = 10  # after which a client that had too many streams may have closed one


class Told(Struct, frozen=True):
    """What a process tells the others about the streams that it has open.

    Attributes:
        streams: How many there are of each account.
        is_whole: Whether these are all accounts; otherwise those whose number has changed.
    """

    streams: dict[str, int]
    is_whole: bool


class _Elsewhere(Struct):
    """What another process has told, and until when that counts."""

    streams: dict[str, int]
    until: float


class Places:
    """The places for streams at this process, and what is known of the others.

    Args:
        limit_of: Returns how many streams an account may have open at a time.
        clock: The time in seconds.

    Attributes:
        has_news: Set while there is something to tell the other processes.
    """

    def __init__(
        self, limit_of: Callable[[str], int] = lambda _: sys.maxsize, clock: Callable[[], float] = monotonic
    ) -> None:
        self.has_news = asyncio.Event()
        self._limit_of = limit_of
        self._clock = clock
        self._open = Counter[str]()
        self._changed: set[str] = set()
        self._is_whole_due = True
        self._others: OrderedDict[str, _Elsewhere] = OrderedDict()

    def reserve(self, viewer: Viewer) -> None:
        """Reserve a place for a stream that is about to open. Follow links need none: they are for the users of a product.

        Raises:
            TooManyRequests: The account has as many streams open as it may.
        """
        if viewer.principal is None:
            return
        account, limit = viewer.account, self._limit_of(viewer.account)
        if self._open[account] + self._count_elsewhere(account) >= limit:
            message = f"this account may have {limit:,} event streams open at a time, and has as many; close one before you open another"
            raise TooManyRequests(message, retry_after=RETRY_SECONDS)
        self._open[account] += 1
        self._note(account)

    def release(self, viewer: Viewer) -> None:
        """Give back the place of a stream that has ended."""
        if viewer.principal is None:
            return
        self._open[viewer.account] -= 1
        if not self._open[viewer.account]:
            del self._open[viewer.account]
        self._note(viewer.account)

    def open_of(self, account: str) -> int:
        """Return how many streams an account has open, at all processes as far as they have told."""
        return self._open[account] + self._count_elsewhere(account)

    def learn(self, process: str, told: Told) -> None:
        """Take in what another process has told."""
        now = self._clock()
        known = self._others.get(process)
        if known is None or known.until <= now:
            # It has just begun, or was out of reach, and knows nothing of this process either.
            self.make_whole_due()
            self._forget_the_gone(now)
            known = None
        streams = told.streams if told.is_whole or known is None else known.streams | told.streams
        self._others[process] = _Elsewhere(streams, now + LEASE_SECONDS)
        self._others.move_to_end(process)
        if len(self._others) > PROCESSES_MAX:
            self._others.popitem(last=False)

    def make_whole_due(self) -> None:
        """Have everything told the next time."""
        self._is_whole_due = True
        self.has_news.set()

    def take_news(self) -> Told:
        """Return what the other processes are to be told now."""
        self.has_news.clear()
        changed, self._changed = self._changed, set()
        is_whole, self._is_whole_due = self._is_whole_due, False
        streams = dict(self._open) if is_whole else {account: self._open[account] for account in changed}
        if len(streams) > ACCOUNTS_MAX:
            # Whoever has the fewest streams is the farthest from the limit.
            streams = dict(nlargest(ACCOUNTS_MAX, streams.items(), key=lambda each: each[1]))
        return Told(streams, is_whole)

    def _forget_the_gone(self, now: float) -> None:
        for process in [process for process, each in self._others.items() if each.until <= now]:
            del self._others[process]

    def _note(self, account: str) -> None:
        self._changed.add(account)
        self.has_news.set()

    def _count_elsewhere(self, account: str) -> int:
        now = self._clock()
        return sum(each.streams.get(account, 0) for each in self._others.values() if each.until > now)
