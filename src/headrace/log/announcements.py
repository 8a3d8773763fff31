"""When workers last announced each kind, for readers who need no schemas; `headrace.catalog` is for those who validate inputs."""

from __future__ import annotations

from datetime import datetime

import msgspec

from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.records import Record

ANNOUNCE_SECONDS = 30.0  # between two announcements of a worker that runs


class Announcement(msgspec.Struct, frozen=True, kw_only=True):
    """The last announcement of a kind.

    Attributes:
        at: When it was made, by the clock of the log.
        concurrency: How many tasks of the kind run at a time, over all workers; None for no limit.
        rate: How many start a second, over all workers; None for no limit.
    """

    at: datetime
    concurrency: int | None
    rate: float | None


class _Limits(msgspec.Struct):
    concurrency: int | None = None
    rate: float | None = None


_limits_decoder = msgspec.json.Decoder(_Limits)


async def read_announcements(log: Log) -> dict[str, Announcement]:
    """Return the last announcement of every kind.

    Raises:
        LogUnavailable: the catalog cannot be read.
    """
    found: dict[str, Announcement] = {}
    start, more = 1, True
    while more:
        records, more = await log.replayer.page(subjects.CATALOG_ENTRIES, start=start, stream=subjects.CATALOG_STREAM)
        for record in records:
            start = record.sequence + 1
            found[record.subject.rpartition(".")[2]] = _announcement(record)
    return found


def _announcement(record: Record) -> Announcement:
    try:
        limits = _limits_decoder.decode(record.payload)
    except (msgspec.MsgspecError, RecursionError):
        # The API says of such a kind that it cannot be used.
        limits = _Limits()
    return Announcement(at=record.at, concurrency=limits.concurrency, rate=limits.rate)
