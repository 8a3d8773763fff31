"""Which kinds are paused: their consumers know, and are asked at most once a second."""

from __future__ import annotations

import asyncio
import time

from headrace.errors import KindWithoutWorkers, LogUnavailable
from headrace.log import provision
from headrace.log.connection import Log

KNOWN_SECONDS = 1.0  # somebody may have paused a kind through another process


class Pauses:
    """The paused kinds of the cluster."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._looking = asyncio.Lock()
        self._kinds: frozenset[str] | None = None
        self._known_until = 0.0

    async def kinds(self) -> frozenset[str]:
        """The paused kinds, as of a second ago; while the log is away, as of when it was last asked.

        Raises:
            LogUnavailable: it is away, and was never asked.
        """
        async with self._looking:
            if self._kinds is None or time.monotonic() >= self._known_until:
                try:
                    self._kinds = await provision.paused_kinds(self._log.connection)
                except LogUnavailable:
                    if self._kinds is None:
                        raise
                self._known_until = time.monotonic() + KNOWN_SECONDS
            return self._kinds

    async def pause(self, kind: str, *, paused: bool) -> None:
        """Pause a kind, or resume it; what runs goes on.

        Raises:
            KindWithoutWorkers: no worker ever ran it, so there is nothing that could be paused.
            LogUnavailable: the log does not answer.
        """
        async with self._looking:
            self._known_until = 0.0
            if not await provision.pause_kind(self._log.connection, kind, paused=paused):
                raise KindWithoutWorkers(f"kind {kind!r} has no consumers; start a worker that runs it, then try again")
