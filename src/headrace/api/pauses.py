"""Which kinds are paused. Their consumers in JetStream know it, and are asked at most once a second."""

from __future__ import annotations

import asyncio
import time

from headrace.api.hints.telling import HintTelling
from headrace.errors import KindWithoutWorkers, LogUnavailable
from headrace.log.connection import Log
from headrace.log.pauses import pause_kind, paused_kinds

KNOWN_SECONDS = 1.0  # for which an answer is reused; another process may pause a kind meanwhile


class Pauses:
    """The paused kinds of the cluster.

    Args:
        log: The log, whose consumers are paused.
        telling: Tells the streams of all API processes when a kind is paused or resumed.
    """

    def __init__(self, log: Log, telling: HintTelling) -> None:
        self._log = log
        self._telling = telling
        self._lock = asyncio.Lock()
        self._paused: frozenset[str] | None = None
        self._known_until = 0.0

    async def paused_kinds(self) -> frozenset[str]:
        """Return the paused kinds, as they were up to a second ago. While the log is away, the last known ones are returned.

        Raises:
            LogUnavailable: JetStream does not answer, and never did since this process started.
        """
        async with self._lock:
            if self._paused is None or time.monotonic() >= self._known_until:
                self._paused = await self._ask(self._paused)
                self._known_until = time.monotonic() + KNOWN_SECONDS
            return self._paused

    @property
    def last_known(self) -> frozenset[str]:
        """The paused kinds as they were when somebody last asked."""
        return self._paused or frozenset()

    async def _ask(self, last_known: frozenset[str] | None) -> frozenset[str]:
        try:
            return await paused_kinds(self._log)
        except LogUnavailable:
            if last_known is None:
                raise
            return last_known

    async def set_paused(self, kind: str, *, paused: bool) -> None:
        """Pause or resume a kind. Tasks that run go on.

        Raises:
            KindWithoutWorkers: No worker ever ran the kind, so it has no consumers that could be paused.
            LogUnavailable: JetStream does not answer.
        """
        async with self._lock:
            self._known_until = 0.0
            if not await pause_kind(self._log, kind, paused=paused):
                raise KindWithoutWorkers(f"kind {kind!r} has no consumers; start a worker that runs it, then try again")
        self._telling.tell_paused(kind, paused=paused)
