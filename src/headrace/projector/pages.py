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


class OutOfOrder(Exception):
    """The consumer repeated or skipped something: it is to be set back to the checkpoint."""


class Pages:
    """Pages of the log after a checkpoint."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._arrived: list[Delivery] = []
        self._some = asyncio.Event()
        self._full = asyncio.Event()
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

        Raises:
            OutOfOrder: begin again from the checkpoint.
        """
        await self._order()
        if await _within(patience, self._some):
            await _within(LINGER_SECONDS, self._full)
        self._puller.check()
        if self._broken:
            raise OutOfOrder
        page, self._arrived = self._arrived, []
        self._some.clear()
        self._full.clear()
        await self._order()  # the next page arrives while this one is written
        return page

    async def acknowledge(self, page: list[Delivery]) -> None:
        """Tell the broker that everything up to the end of the page is in the read model."""
        await self._log.connection.publish(page[-1].reply, ACK)

    async def _begin_again(self) -> None:
        """After a reconnect: what was on its way is lost, and the broker gives it out again only after ``ack_wait``."""
        self._broken = True
        self._some.set()

    async def _order(self) -> None:
        room = PAGE_RECORDS - len(self._arrived)
        if room > 0 and self._puller.outstanding == 0:
            await self._puller.pull(room, EXPIRES_SECONDS, PAGE_BYTES)

    def _on_delivery(self, delivery: Delivery) -> None:
        if delivery.consumer_sequence != self._expected or delivery.delivered > 1:
            self._broken = True
        self._expected = delivery.consumer_sequence + 1
        self._arrived.append(delivery)
        self._some.set()
        if len(self._arrived) >= PAGE_RECORDS:
            self._full.set()

    def _on_end(self, gone: bool) -> None:
        self._full.set()  # nothing more comes by itself: the page is as full as it gets
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
