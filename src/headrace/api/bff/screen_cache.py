"""Screens that were sent within the last second, so that the tabs of one person are not composed one by one. Bounded.

An entry ends after a second, with an event of its owner, and for whoever asks for a later position. While nobody would say that
something has changed, nothing is kept.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic
from typing import NamedTuple

from headrace.api.bff.last_good import Key
from headrace.contracts.positions import Position

SECONDS = 1.0
BYTES_MAX = 16 << 20  # of the screens that are kept


class Kept(NamedTuple):
    """A screen as it was sent.

    Attributes:
        body: What is sent, without the time.
        etag: The hash of that.
        position: What it reflects.
        until: When it ends, by the clock of the process.
    """

    body: bytes
    etag: str
    position: Position
    until: float


class ScreenCache:
    """Screens that were sent within the last second.

    Args:
        clock: The clock of the process, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._kept: OrderedDict[Key, Kept] = OrderedDict()
        self._of_owner: dict[str, set[Key]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: Key, at_least: Position | None) -> Kept | None:
        """Return a screen that still holds and reflects a position; None when there is none."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        if kept.until <= self._clock():
            self._remove(key)
            return None
        return None if at_least is not None and kept.position < at_least else kept

    def keep(self, key: Key, body: bytes, etag: str, position: Position) -> None:
        """Keep a screen for a second."""
        self._remove(key)
        self._kept[key] = Kept(body, etag, position, self._clock() + SECONDS)
        self._of_owner.setdefault(key.owner, set()).add(key)
        self._bytes += len(body)
        while self._bytes > BYTES_MAX or (self._kept and self._oldest.until <= self._clock()):
            self._remove(next(iter(self._kept)))

    def drop(self, owner: str) -> None:
        """Forget the screens of an owner, because something of theirs has changed."""
        for key in tuple(self._of_owner.get(owner, ())):
            self._remove(key)

    @property
    def _oldest(self) -> Kept:
        return next(iter(self._kept.values()))

    def _remove(self, key: Key) -> None:
        kept = self._kept.pop(key, None)
        if kept is None:
            return
        self._bytes -= len(kept.body)
        keys = self._of_owner[key.owner]
        keys.discard(key)
        if not keys:
            del self._of_owner[key.owner]
