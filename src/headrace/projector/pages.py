"""Reading the log in pages, in order and without a gap, whatever state the consumer was left in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from headrace.log import consumer_names
from headrace.log.connection import Log
from headrace.log.consumers import count_deliveries, provision_projector, reset_consumer
from headrace.log.deliveries import Delivery

PAGE_RECORDS = 1000
PAGE_BYTES = 16 << 20  # bytes; a page of large inputs ends early
LINGER_SECONDS = 0.1  # a page waits so long to fill: a transaction for every few events costs half the throughput
EXPIRES_SECONDS = 10.0  # until the broker ends a pull for the first record of a page
FETCH_SECONDS = 10.0  # to fetch records that the broker has


class OutOfOrder(Exception):
    """The consumer repeated or skipped a record; set it back to the checkpoint."""


class Pages:
    """Reads the pages of the log after a checkpoint.

    Any break in the consumer's own sequence, and any redelivery, makes `next` raise: the reader is then opened anew. A record that
    was read before is passed over, because what a page adds to the counts of minutes counts again with each page.

    Args:
        log: The log.
        after: The sequence after which to read.
    """

    def __init__(self, log: Log, after: int) -> None:
        self._log = log
        self._last = after
        self._arrived: list[Delivery] = []
        self._wake = asyncio.Event()
        self._pull_ended = asyncio.Event()
        # How many records wait behind the last one that arrived.
        self._pending = 0
        self._expected_delivery = 1
        self._broken = False
        self._puller = log.puller(consumer_names.PROJECTOR, self._on_delivery, self._on_end)

    @classmethod
    @asynccontextmanager
    async def after(cls, log: Log, sequence: int) -> AsyncGenerator[Pages]:
        """Set the consumer to just after a sequence, and read from there while the block runs.

        Raises:
            LogUnavailable: The log does not answer.
        """
        await provision_projector(log)
        await reset_consumer(log, consumer_names.PROJECTOR, sequence + 1)
        pages = cls(log, sequence)
        await pages._puller.open()
        forget = log.on_reconnect(pages._on_reconnect)
        try:
            yield pages
        finally:
            forget()
            await pages._puller.close()

    async def next(self, patience: float) -> list[Delivery]:
        """Return the next page, in log order; empty when nothing came within ``patience`` seconds.

        The reader waits for the first record, gives the others a moment to gather, and fetches them in one pull.

        Raises:
            OutOfOrder: The consumer repeated or skipped a record; begin again from the checkpoint.
            LogUnavailable: The log does not answer.
        """
        if not self._pending:
            if self._puller.outstanding == 0:
                await self._puller.pull(1, EXPIRES_SECONDS)
            await _within(patience, self._wake)
            self._wake.clear()
        if self._arrived or self._pending:
            if self._pending < PAGE_RECORDS:
                await asyncio.sleep(LINGER_SECONDS)
            await self._fetch()
        self._puller.check()
        if not self._broken and not self._arrived and self._puller.outstanding:
            await self._check_other_deliveries()
        # This is asked last: a record that arrived during the check may stand behind a gap.
        if self._broken:
            raise OutOfOrder
        page, self._arrived = self._arrived, []
        return page

    async def acknowledge(self, page: list[Delivery]) -> None:
        """Acknowledge to the broker that everything up to the end of the page is in the read model."""
        await page[-1].ack()

    async def _fetch(self) -> None:
        """Fetch the rest of a page in one pull."""
        if self._puller.outstanding == 0 and not self._broken:
            self._pull_ended.clear()
            # The last record that comes says how many are left.
            self._pending = 0
            await self._puller.pull(PAGE_RECORDS - len(self._arrived), bytes_max=PAGE_BYTES)
            if not await _within(FETCH_SECONDS, self._pull_ended):
                self._broken = True

    async def _check_other_deliveries(self) -> None:
        """Ask the broker, when nothing came, whether another reader of the consumer was given a record.

        Such a reader is a projector that led before and was stopped while its pull was open.

        Raises:
            OutOfOrder: The consumer has delivered more than arrived here.
        """
        delivered = await count_deliveries(self._log, consumer_names.PROJECTOR)
        await self._puller.settle()
        if delivered >= self._expected_delivery:
            # The answer about a delivery may overtake the delivery itself.
            await asyncio.sleep(LINGER_SECONDS)
            await self._puller.settle()
        if delivered >= self._expected_delivery:
            raise OutOfOrder

    def _on_delivery(self, delivery: Delivery) -> None:
        if delivery.consumer_sequence != self._expected_delivery or delivery.delivered > 1:
            self._broken = True
        self._expected_delivery = delivery.consumer_sequence + 1
        self._pending = delivery.pending
        # Where servers choose anew who leads, a consumer may begin before the sequence to which it was set.
        if delivery.sequence > self._last:
            self._last = delivery.sequence
            self._arrived.append(delivery)
        self._wake.set()

    def _on_end(self, gone: bool) -> None:
        self._pull_ended.set()
        if gone:
            self._broken = True
            self._wake.set()

    async def _on_reconnect(self) -> None:
        """Begin again: deliveries on their way were lost, and the broker repeats them only after ``ack_wait``."""
        self._broken = True
        self._wake.set()


async def _within(seconds: float, event: asyncio.Event) -> bool:
    """Wait for an event; False when it did not come in time."""
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
