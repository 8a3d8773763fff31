"""Kinds that a worker has named and not announced yet.

A worker announces its kinds one entry of the catalog at a time. With each it names those that follow, so that whoever knows one
of them knows that the others come.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from headrace.log import clock

AWAITED_SECONDS = 5.0  # a worker that could not announce all tries again after two; one that was killed never does
AWAITED_MAX = 10_000  # names that are kept; some workers with hundreds of kinds each


class AwaitedKinds:
    """The kinds that are about to be announced."""

    def __init__(self) -> None:
        # Until when each is awaited, in seconds since 1970 by the clock of the log.
        self._until: dict[str, float] = {}

    def __contains__(self, kind: str) -> bool:
        until = self._until.get(kind)
        return until is not None and clock.now().timestamp() < until

    def add(self, kinds: Iterable[str], named_at: datetime) -> None:
        """Await kinds from when they were named on, for `AWAITED_SECONDS`."""
        until = named_at.timestamp() + AWAITED_SECONDS
        now = clock.now().timestamp()
        if until <= now:
            return
        for kind in kinds:
            if len(self._until) >= AWAITED_MAX:
                self._until = {name: till for name, till in self._until.items() if till > now}
                if len(self._until) >= AWAITED_MAX:
                    return
            self._until[kind] = max(until, self._until.get(kind, 0.0))

    def discard(self, kind: str) -> None:
        """Await a kind no longer: it was announced."""
        self._until.pop(kind, None)
