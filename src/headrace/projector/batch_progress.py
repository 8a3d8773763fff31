"""Publishing the progress of batches after a page is in the read model: their counts, live, and that they have settled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from headrace.contracts.batches import BatchEventName, BatchState
from headrace.contracts.positions import Position
from headrace.errors import LogUnavailable
from headrace.lifecycle.batch_state import settle_batch
from headrace.log import live_subjects
from headrace.log.connection import Log
from headrace.store.batch_rows import counts_of, is_over, to_batch
from headrace.store.tables import BatchRow
from headrace.telemetry import get_logger

COUNTS_INTERVAL_SECONDS = 0.25  # between two counts of one batch; a browser draws no faster, and a page takes 0.1

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode


class BatchProgress:
    """Publishes the counts of batches and appends their `settled` events.

    The counts of one batch are published at most every `COUNTS_INTERVAL_SECONDS`; the last counts always are.
    """

    def __init__(self, log: Log) -> None:
        self._log = log
        # When the counts of a batch were published last; a batch is forgotten when its interval is over.
        self._published_at: dict[str, float] = {}
        # The newest rows of batches that changed within their interval.
        self._waiting: dict[str, BatchRow] = {}
        self._publishing: asyncio.Task[None] | None = None

    async def publish_changes(self, batches: Iterable[BatchRow]) -> None:
        """Publish the counts of batches that have changed, now or when their interval is over; settle those that are over.

        Raises:
            LogUnavailable: A `settled` event was not appended. `settle` the batch later.
        """
        over: list[BatchRow] = []
        now = asyncio.get_running_loop().time()
        for row in batches:
            if row.state == BatchState.OPEN and is_over(row):
                over.append(row)
            if row.state == BatchState.SETTLED or now - self._published_at.get(row.id, 0) >= COUNTS_INTERVAL_SECONDS:
                self._waiting.pop(row.id, None)
                await self._publish(row, now)
            else:
                self._waiting[row.id] = row
        if self._published_at and self._publishing is None:
            self._publishing = asyncio.create_task(self._publish_waiting(), name="publish counts")
        await self.settle(over)

    async def settle(self, over: Iterable[BatchRow]) -> None:
        """Append the `settled` events of batches that are over, unless the log has them.

        Raises:
            LogUnavailable: The log does not answer.
        """
        for row in over:
            await settle_batch(
                self._log,
                row.owner,
                row.id,
                counts_of(row),
                counted_at=Position(row.epoch, row.sequence),
                last_settled=row.settled_sequence,
            )

    async def _publish_waiting(self) -> None:
        """Publish waiting counts when their interval is over; ends when no interval is left."""
        loop = asyncio.get_running_loop()
        while self._published_at:
            await asyncio.sleep(max(0.0, min(self._published_at.values()) + COUNTS_INTERVAL_SECONDS - loop.time()))
            now = loop.time()
            for batch in [batch for batch, at in self._published_at.items() if now - at >= COUNTS_INTERVAL_SECONDS]:
                del self._published_at[batch]
                if batch in self._waiting:
                    await self._publish(self._waiting.pop(batch), now)
        self._publishing = None

    async def _publish(self, row: BatchRow, now: float) -> None:
        name = BatchEventName.SETTLED if row.state == BatchState.SETTLED else BatchEventName.COUNTED
        self._published_at[row.id] = now
        try:
            await self._log.live.publish(live_subjects.batch_live(name, row.owner, row.id), _encode(to_batch(row)))
        except LogUnavailable as error:
            # A client that follows the batch reads the read model now and then.
            log.warning("counts could not be told", batch=row.id, error=error.message)
