"""Following a batch: its counts as they change, of which only the latest matters.

The projector tells them live, at most once by nature; after a reconnect, and when nothing was heard for a while, the read
model is asked instead.
"""

from __future__ import annotations

import asyncio

import msgspec

from headrace.api.read_model import ReadModel
from headrace.api.streaming.hub import Hub
from headrace.contracts.batches import Batch
from headrace.contracts.positions import Position
from headrace.errors import ReadModelUnavailable
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.live import Subscription
from headrace.store import batches as stored_batches
from headrace.telemetry import get_logger

LOOK_SECONDS = 5.0  # after so long without news the read model is asked
DRAINING_SECONDS = 0.5  # how often a follower looks whether the process is told to stop

log = get_logger(__name__)

_decoder = msgspec.json.Decoder(Batch)
_closing: set[asyncio.Task[None]] = set()


class BatchFollower:
    """One client's view of a batch.

    Args:
        log: The log.
        hub: Says when the process is about to end.
        read_model: The read model.
        found: The batch as it was just read.
    """

    def __init__(self, log: Log, hub: Hub, read_model: ReadModel, found: Batch) -> None:
        self._log = log
        self._hub = hub
        self._read_model = read_model
        self._newest = found
        self._given: Position | None = None
        self._stale = True  # whether something may have been missed
        self._wake = asyncio.Event()
        self._woken = False
        self._heard = 0.0
        self._subscription: Subscription | None = None
        self._forget = log.on_reconnect(self._on_reconnect)

    @classmethod
    async def open(cls, log: Log, hub: Hub, read_model: ReadModel, found: Batch) -> BatchFollower:
        """Begin to follow.

        Raises:
            LogUnavailable: NATS cannot be reached.
        """
        follower = cls(log, hub, read_model, found)
        try:
            subject = subjects.batch_live("*", found.owner, found.id)
            follower._subscription = await log.live.watch(subject, follower._on_told)
        except BaseException:
            follower.close()
            raise
        return follower

    async def next(self, patience: float) -> Batch | None:
        """The batch, when it is newer than what was given out before; at first, as it is now.

        None when it did not change within ``patience`` seconds, or the process is about to end.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + patience
        while not self._hub.draining and not self._woken:
            if self._stale:
                await self._look()
            newest = Position.parse(self._newest.position)
            if self._given is None or newest > self._given:
                self._given = newest
                return self._newest
            now = loop.time()
            if now >= end:
                return None
            self._wake.clear()
            try:
                async with asyncio.timeout(min(end - now, DRAINING_SECONDS)):
                    await self._wake.wait()
            except TimeoutError:
                self._stale = loop.time() - self._heard > LOOK_SECONDS
        self._woken = False
        return None

    def wake(self) -> None:
        """Have `next` return, if with nothing."""
        self._woken = True
        self._wake.set()

    def close(self) -> None:
        """Stop following. Does not wait: it is called where waiting is not possible, on a client's disconnect."""
        self._forget()
        if self._subscription is not None:
            closing = asyncio.create_task(self._subscription.close(), name="stop following a batch")
            _closing.add(closing)
            closing.add_done_callback(_closing.discard)

    async def _look(self) -> None:
        self._stale = False
        self._heard = asyncio.get_running_loop().time()
        try:
            async with self._read_model.session() as session:
                found = await stored_batches.find_batch(session, self._newest.owner, self._newest.id)
        except ReadModelUnavailable:
            return  # which is in the log file; what is told live goes on
        if found is not None:
            self._take(found)

    def _take(self, found: Batch) -> None:
        if Position.parse(found.position) > Position.parse(self._newest.position):
            self._newest = found
            self._wake.set()

    def _on_told(self, _subject: str, payload: bytes) -> None:
        try:
            found = _decoder.decode(payload)
            self._take(found)
        except (msgspec.MsgspecError, ValueError) as error:
            log.error("the counts of a batch cannot be read", error=str(error))
        else:
            self._heard = asyncio.get_running_loop().time()

    async def _on_reconnect(self) -> None:
        self._stale = True
        self._wake.set()
