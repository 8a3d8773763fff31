"""Figures over time as screens show them, of what the projector counts by the minute."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from datetime import datetime, timedelta

from headrace.contracts.batches import Counts
from headrace.contracts.screens.rows import SERIES_STEP_SECONDS, SERIES_STEPS, Series
from headrace.store.activity import Ends, Span
from headrace.store.figures import Figures, Times, read_figures
from headrace.store.snapshot import Reads

STEP = timedelta(seconds=SERIES_STEP_SECONDS)
HOUR = SERIES_STEPS * STEP

EndsByMinute = Mapping[tuple[str, datetime], Ends]
"""How many tasks of a kind ended in a minute."""


def first_minute(now: datetime) -> datetime:
    """Return when the first minute of a series began."""
    return Span.around(now - HOUR + STEP, now + timedelta.resolution, STEP).begin


def series_of(ends: EndsByMinute, begin: datetime) -> Series:
    """Return how many tasks of all kinds ended in each minute from a time on."""
    succeeded, failed = [0] * SERIES_STEPS, [0] * SERIES_STEPS
    for (_, at), found in ends.items():
        number = (at - begin) // STEP
        # A minute may begin while this is read.
        if 0 <= number < SERIES_STEPS:
            succeeded[number] += found.succeeded
            failed[number] += found.failed
    return Series(from_=begin, succeeded=succeeded, failed=failed)


def ends_by_kind(ends: EndsByMinute) -> dict[str, EndsByMinute]:
    """Return the same, for each kind by itself."""
    found: defaultdict[str, dict[tuple[str, datetime], Ends]] = defaultdict(dict)
    for (kind, at), each in ends.items():
        found[kind][kind, at] = each
    return dict(found)


class ReadOnce:
    """The figures of one request, which several parts of a screen are made of; the first of them reads them.

    Args:
        owner: Whose; `EVERYBODY` for those of all.
        times: For which times.
    """

    def __init__(self, owner: str, times: Times) -> None:
        self.owner = owner
        self.times = times
        self._read: Figures | None = None

    async def figures(self, session: Reads) -> Figures:
        """Return them."""
        if self._read is None:
            self._read = await read_figures(session, self.owner, self.times)
        return self._read

    async def counts(self, session: Reads) -> Counts:
        """Return how many tasks are in each state."""
        return (await self.figures(session)).counts.counts

    async def series(self, session: Reads) -> Series:
        """Return how many tasks ended in each minute of the last hour."""
        return series_of((await self.figures(session)).ends, self.times.minutes_since)
