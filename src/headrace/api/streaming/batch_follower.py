"""A follower of a batch: its counts as they change, of which only the latest matters.

The projector publishes the counts live, at most once by nature. After a reconnect, and when nothing has arrived for a while,
the follower asks the read model instead.
"""

from __future__ import annotations

import asyncio

import msgspec

from headrace.api.read_model import ReadModel
from headrace.api.streaming.hub import Hub
from headrace.contracts.batches import Batch
from headrace.contracts.positions import Position
from headrace.errors import ReadModelUnavailable
from headrace.log import live_subjects
from headrace.log.connection import Log
from headrace.log.live import Subscription
from headrace.store import batches as stored_batches
from headrace.telemetry import get_logger

SILENCE_SECONDS = 5.0  # without live counts, after which the read model is asked
DRAINING_POLL_SECONDS = 0.5  # between two checks whether the process is told to stop

log = get_logger(__name__)

_decoder = msgspec.json.Decoder(Batch)
_closing: set[asyncio.Task[None]] = set()


class BatchFollower:
    """One client's view of a batch.

    Args:
        log: The log.
        hub: Says when the process is told to stop.
        read_model: The read model.
        batch: The batch as it was just read.
    """

    def __init__(self, log: Log, hub: Hub, read_model: ReadModel, batch: Batch) -> None:
        self._log = log
        self._hub = hub
        self._read_model = read_model
        self._newest = batch
        self._given: Position | None = None
        # Whether a change may have been missed.
        self._stale = True
        self._changed = asyncio.Event()
        self._woken = False
        self._heard_at = 0.0
        self._subscription: Subscription | None = None
        self._stop_listening = log.on_reconnect(self._on_reconnect)

    @classmethod
    async def open(cls, log: Log, hub: Hub, read_model: ReadModel, batch: Batch) -> BatchFollower:
        """Subscribe to the counts of a batch.

        Raises:
            LogUnavailable: NATS cannot be reached.
        """
        follower = cls(log, hub, read_model, batch)
        try:
            subject = live_subjects.batch_live("*", batch.owner, batch.id)
            follower._subscription = await log.live.watch(subject, follower._on_counts)
        except BaseException:
            follower.close()
            raise
        return follower

    async def next(self, patience: float) -> Batch | None:
        """Return the batch once it is newer than the one returned before; the first call returns it as it is now.

        None when the batch has not changed within ``patience`` seconds, when the process is told to stop, or after `wake`.
        """
        loop = asyncio.get_running_loop()
        end = loop.time() + patience
        while not self._hub.draining and not self._woken:
            if self._stale:
                await self._ask_read_model()
            newest = Position.parse(self._newest.position)
            if self._given is None or newest > self._given:
                self._given = newest
                return self._newest
            now = loop.time()
            if now >= end:
                return None
            self._changed.clear()
            try:
                async with asyncio.timeout(min(end - now, DRAINING_POLL_SECONDS)):
                    await self._changed.wait()
            except TimeoutError:
                self._stale = loop.time() - self._heard_at > SILENCE_SECONDS
        self._woken = False
        return None

    @property
    def position(self) -> Position:
        """The position of the batch that was returned last; before that, of the batch as it was read."""
        return self._given or Position.parse(self._newest.position)

    def wake(self) -> None:
        """Have `next` return, even without a change."""
        self._woken = True
        self._changed.set()

    def close(self) -> None:
        """Stop following. It does not wait, since it is called on a client's disconnect, where waiting is not possible."""
        self._stop_listening()
        if self._subscription is not None:
            closing = asyncio.create_task(self._subscription.close(), name="stop following a batch")
            _closing.add(closing)
            closing.add_done_callback(_closing.discard)

    async def _ask_read_model(self) -> None:
        self._stale = False
        self._heard_at = asyncio.get_running_loop().time()
        try:
            async with self._read_model.session() as session:
                batch = await stored_batches.find_batch(session, self._newest.owner, self._newest.id)
        except ReadModelUnavailable:
            # `session()` has logged the error. Live counts still arrive without Postgres.
            return
        if batch is not None:
            self._keep_newest(batch)

    def _keep_newest(self, batch: Batch) -> None:
        if Position.parse(batch.position) > Position.parse(self._newest.position):
            self._newest = batch
            self._changed.set()

    def _on_counts(self, _subject: str, payload: bytes) -> None:
        try:
            self._keep_newest(_decoder.decode(payload))
        except (msgspec.MsgspecError, ValueError) as error:
            log.error("the counts of a batch cannot be read", error=str(error))
        else:
            self._heard_at = asyncio.get_running_loop().time()

    async def _on_reconnect(self) -> None:
        self._stale = True
        self._changed.set()
