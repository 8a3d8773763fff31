"""Reading the log in pages, in order and without a gap, whatever the consumer went through before."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from headrace.log import provision, subjects
from headrace.log.connection import Log
from headrace.log.pull import ACK, Puller
from headrace.log.records import Delivery

PAGE_RECORDS = 1000
PAGE_BYTES = 16 << 20  # bytes; a page of large inputs ends early
LINGER_SECONDS = 0.1  # how long a page waits to fill: a transaction for every few events costs half the throughput
EXPIRES_SECONDS = 10.0
FETCH_SECONDS = 10.0  # for a page of records that are there


class OutOfOrder(Exception):
    """The consumer repeated or skipped something: it is to be set back to the checkpoint."""


class Pages:
    """Pages of the log after a checkpoint."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._arrived: list[Delivery] = []
        self._some = asyncio.Event()
        self._ended = asyncio.Event()
        self._waiting = 0  # records behind the last one that arrived
        self._expected = 1
        self._broken = False
        self._puller = Puller(log.connection, subjects.PROJECTOR, self._on_delivery, self._on_end)

    @classmethod
    @asynccontextmanager
    async def after(cls, log: Log, sequence: int) -> AsyncGenerator[Pages]:
        """Set the consumer to just after a sequence and read from there.

        Raises:
            LogUnavailable: the log does not answer.
        """
        await provision.provision_projector(log.connection)
        await provision.reset_consumer(log.connection, subjects.PROJECTOR, sequence + 1)
        pages = cls(log)
        await pages._puller.open()
        forget = log.on_reconnect(pages._begin_again)
        try:
            yield pages
        finally:
            forget()
            await pages._puller.close()

    async def next(self, patience: float) -> list[Delivery]:
        """The next page, in log order; empty when nothing came within ``patience`` seconds.

        The first record is waited for; the rest is fetched at once, after a moment for it to gather.

        Raises:
            OutOfOrder: begin again from the checkpoint.
            LogUnavailable: the log does not answer.
        """
        if not self._waiting:
            if self._puller.outstanding == 0:
                await self._puller.pull(1, EXPIRES_SECONDS)
            await _within(patience, self._some)
            self._some.clear()
        if self._arrived or self._waiting:
            if self._waiting < PAGE_RECORDS:
                await asyncio.sleep(LINGER_SECONDS)
            await self._fetch()
        self._puller.check()
        if not self._broken and not self._arrived and self._puller.outstanding:
            await self._compare()
        if self._broken:  # asked last: what arrives while we compare may stand behind a gap
            raise OutOfOrder
        page, self._arrived = self._arrived, []
        return page

    async def acknowledge(self, page: list[Delivery]) -> None:
        """Tell the broker that everything up to the end of the page is in the read model."""
        await self._log.connection.publish(page[-1].reply, ACK)

    async def _compare(self) -> None:
        """Nothing came: was something given to another, as to a projector that was stopped while it waited?"""
        delivered = await provision.delivered(self._log.connection, subjects.PROJECTOR)
        await self._puller.settle()
        if delivered >= self._expected:
            await asyncio.sleep(LINGER_SECONDS)  # an answer about a delivery may overtake it
            await self._puller.settle()
        if delivered >= self._expected:
            raise OutOfOrder

    async def _begin_again(self) -> None:
        """After a reconnect: what was on its way is lost, and the broker gives it out again only after ``ack_wait``."""
        self._broken = True
        self._some.set()

    async def _fetch(self) -> None:
        if self._puller.outstanding == 0 and not self._broken:
            self._ended.clear()
            self._waiting = 0  # what is left by then, the last that comes will say
            await self._puller.pull(PAGE_RECORDS - len(self._arrived), bytes_max=PAGE_BYTES)
            if not await _within(FETCH_SECONDS, self._ended):
                self._broken = True

    def _on_delivery(self, delivery: Delivery) -> None:
        if delivery.consumer_sequence != self._expected or delivery.delivered > 1:
            self._broken = True
        self._expected = delivery.consumer_sequence + 1
        self._waiting = delivery.pending
        self._arrived.append(delivery)
        self._some.set()

    def _on_end(self, gone: bool) -> None:
        self._ended.set()
        if gone:
            self._broken = True
            self._some.set()


async def _within(seconds: float, event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
