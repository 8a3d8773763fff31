"""Telling how many tasks owners have, live, when that has changed."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from headrace.errors import LogUnavailable
from headrace.log import live_subjects
from headrace.log.connection import Log
from headrace.store.leader_queries import read_counts
from headrace.store.leadership import LeaderSession
from headrace.store.tables import EVERYBODY
from headrace.telemetry import get_logger

INTERVAL_SECONDS = 0.25  # between two tellings; a browser draws no faster, and a page takes 0.1
OWNERS_MAX = 500  # told at once, which takes some ten milliseconds; the others are told the next time

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode


class OwnerCountsTelling:
    """Publishes the counts of owners, at most once in `INTERVAL_SECONDS` each; the last counts always are.

    They are read in the session of the leader between two pages, in one query for all owners that wait.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        # In the order in which they changed; one that changes again keeps its place.
        self._waiting: dict[str, None] = {}
        self._told_at = 0.0

    def note(self, owners: Iterable[str]) -> None:
        """Note that the counts of owners have changed."""
        self._waiting |= dict.fromkeys(owners)

    def patience(self, otherwise: float) -> float:
        """Return for how many seconds nothing has to be told; ``otherwise`` when nobody waits."""
        if not self._waiting:
            return otherwise
        return min(otherwise, max(0.0, self._told_at + INTERVAL_SECONDS - asyncio.get_running_loop().time()))

    async def tell_when_due(self, session: LeaderSession) -> None:
        """Tell the counts of those that wait, unless some were told just now."""
        now = asyncio.get_running_loop().time()
        if not self._waiting or now - self._told_at < INTERVAL_SECONDS:
            return
        self._told_at = now
        owners = list(self._waiting)[:OWNERS_MAX]
        for owner in owners:
            del self._waiting[owner]
        counted = await read_counts(session, [EVERYBODY, *owners])
        try:
            for owner in (EVERYBODY, *owners):
                subject = live_subjects.counts_of(owner) if owner else live_subjects.COUNTS_OF_ALL
                await self._log.live.publish(subject, _encode(counted[owner]))
        except LogUnavailable as error:
            # Whoever follows them reads them again after an outage.
            log.warning("counts could not be told", owners=len(owners), error=error.message)
