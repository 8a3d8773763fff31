"""Key-value buckets (ADR-8) whose entries every process of a kind keeps a copy of: the catalog, revocations, settings.

A copy is loaded when it is opened and after every reconnect, and is told each change in between.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from headrace.log import clock
from headrace.log.connection import Log


class Entry(NamedTuple):
    """An entry of a bucket.

    Attributes:
        subject: Its subject, which ends with its key.
        value: Its value.
        at: When it was written.
        headers: What its writer says besides.
    """

    subject: str
    value: bytes
    at: datetime
    headers: Mapping[str, str]


async def follow_bucket(log: Log, stream: str, entries: str, on_entry: Callable[[Entry], None]) -> None:
    """Load every entry of a bucket, and follow its changes from now on, also over reconnects.

    Args:
        log: The log, beside which the bucket is.
        stream: The stream of the bucket.
        entries: The subject of all of its entries.
        on_entry: Called with each entry. One comes again after a reconnect, and an older value may come after a newer one while
            the bucket is loaded.

    Raises:
        LogUnavailable: The bucket cannot be read.
    """

    async def load() -> None:
        start, more = 1, True
        while more:
            records, more = await log.replayer.page(entries, start=start, stream=stream)
            for record in records:
                on_entry(Entry(record.subject, record.payload, record.at, record.headers))
                start = record.sequence + 1

    def on_change(subject: str, value: bytes, headers: Mapping[str, str]) -> None:
        on_entry(Entry(subject, value, clock.now(), headers))

    # What is written while the bucket is loaded is heard.
    await log.live.watch_entries(entries, on_change)
    log.on_reconnect(load)
    await load()
