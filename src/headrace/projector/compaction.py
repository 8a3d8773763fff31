"""Compaction of activity: minutes that nobody can ask for any more are added to their hours.

What clients see does not change by that: steps of less than an hour are answered only while their minutes are kept for sure. So
a replay, which counts by the minute again, gives the same answers before and after it has been compacted.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from headrace.log import clock
from headrace.store.activity_statements import EPOCH, HOUR, MINUTES_KEPT, compact_activity
from headrace.store.leadership import LeaderSession

ROWS = 1000  # in one statement, which holds up the page behind it for some ten milliseconds
IDLE_SECONDS = 60.0  # until the next search, when there was nothing more to compact
# Minutes are kept for so much longer than they can be asked for, because clocks differ.
MARGIN = timedelta(hours=1)


class Compaction:
    """Compacts activity, some rows at a time."""

    def __init__(self) -> None:
        self._due_at = 0.0

    async def compact_when_due(self, session: LeaderSession) -> None:
        """Compact some rows, unless there was nothing more to compact a moment ago."""
        now = asyncio.get_running_loop().time()
        if now >= self._due_at:
            compacted = await compact_activity(session, keep_minutes_from(clock.now()), ROWS)
            self._due_at = now if compacted == ROWS else now + IDLE_SECONDS


def keep_minutes_from(now: datetime) -> datetime:
    """Return the begin of the first hour whose minutes are kept."""
    kept = now - MINUTES_KEPT - MARGIN
    return kept - (kept - EPOCH) % HOUR
