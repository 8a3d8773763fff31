"""What keeps the audit from being filled: by pages that ask again and again, and by attacks of people who are not signed in."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from time import monotonic

LOOK_SECONDS = 60.0  # for which an entry covers the same look again: pages ask again and again, and streams resume
LOOKS_MAX = 1_000  # that are remembered, of all administrators
FAILURES_SECONDS = 60.0  # of the window in which failed sign-ins are counted
FAILURES_MAX = 60  # entries in a window, of a process; an attack from many addresses shows in far fewer

Look = tuple[str, str, str | None]


class Looks:
    """The looks of administrators at what belongs to others that the audit had lately: credential, owner and route.

    Args:
        clock: Seconds by the monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._covered_until: OrderedDict[Look, float] = OrderedDict()

    def is_covered(self, look: Look) -> bool:
        """Return whether the audit has had the same look within `LOOK_SECONDS`."""
        return self._clock() < self._covered_until.get(look, 0.0)

    def cover(self, look: Look) -> None:
        """Note that the audit has a look."""
        self._covered_until[look] = self._clock() + LOOK_SECONDS
        self._covered_until.move_to_end(look)
        while len(self._covered_until) > LOOKS_MAX:
            self._covered_until.popitem(last=False)


class FailureBudget:
    """How many failed sign-ins the audit may still have in this window.

    Args:
        clock: Seconds by the monotonic clock.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._window_ends = 0.0
        self._entries = 0
        self._left_out = 0

    def take(self) -> int | None:
        """Return how many were left out before this one; None when this one has to be left out as well."""
        now = self._clock()
        if now >= self._window_ends:
            self._window_ends, self._entries = now + FAILURES_SECONDS, 0
        self._entries += 1
        if self._entries > FAILURES_MAX:
            self._left_out += 1
            return None
        left_out, self._left_out = self._left_out, 0
        return left_out
