"""Key-value buckets (ADR-8) whose entries every process of a kind keeps a copy of: the catalog, revocations, settings.

A copy is loaded when it is opened and after every reconnect, and is told each change in between.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from headrace.log import clock
from headrace.log.connection import Log

OnEntry = Callable[[str, bytes, datetime], None]


async def follow_bucket(log: Log, stream: str, entries: str, on_entry: OnEntry) -> None:
    """Load every entry of a bucket, and follow its changes from now on, also over reconnects.

    Args:
        log: The log, beside which the bucket is.
        stream: The stream of the bucket.
        entries: The subject of all of its entries.
        on_entry: Called with the subject, the value, and when it was written. An entry comes again after a reconnect, and an older
            value may come after a newer one while the bucket is loaded.

    Raises:
        LogUnavailable: The bucket cannot be read.
    """

    async def load() -> None:
        start, more = 1, True
        while more:
            records, more = await log.replayer.page(entries, start=start, stream=stream)
            for record in records:
                on_entry(record.subject, record.payload, record.at)
                start = record.sequence + 1

    # What is written while the bucket is loaded is heard.
    await log.live.watch(entries, lambda subject, value: on_entry(subject, value, clock.now()))
    log.on_reconnect(load)
    await load()
