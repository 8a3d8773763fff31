"""What the projector says of batches, after a page is in the read model: their counts, live, and that they have settled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from headrace.contracts.batches import BatchEventName, BatchState
from headrace.contracts.positions import Position
from headrace.errors import LogUnavailable
from headrace.lifecycle.batch_state import settle_batch
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.store.batch_rows import counts_of, is_over, to_batch
from headrace.store.tables import BatchRow
from headrace.telemetry import get_logger

COUNTED_INTERVAL = 0.25  # seconds between two counts of a batch; a browser draws no faster, and a page takes 0.1

log = get_logger(__name__)

_encode = msgspec.json.Encoder().encode


class BatchProgress:
    """Tells counts, at most every `COUNTED_INTERVAL` for a batch and the last one always, and appends `settled`."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._told: dict[str, float] = {}  # when, of the batches told of within the interval
        self._waiting: dict[str, BatchRow] = {}  # what is to be told of those when it is over
        self._telling: asyncio.Task[None] | None = None

    async def publish_changes(self, batches: Iterable[BatchRow]) -> None:
        """These batches have changed.

        Raises:
            LogUnavailable: a `settled` could not be appended; `settle` it later.
        """
        over: list[BatchRow] = []
        now = asyncio.get_running_loop().time()
        for row in batches:
            if row.state == BatchState.OPEN and is_over(row):
                over.append(row)
            if row.state == BatchState.SETTLED or now - self._told.get(row.id, 0) >= COUNTED_INTERVAL:
                self._waiting.pop(row.id, None)
                await self._tell(row, now)
            else:
                self._waiting[row.id] = row
        if self._told and self._telling is None:
            self._telling = asyncio.create_task(self._tell_waiting(), name="tell counts")
        await self.settle(over)

    async def settle(self, over: Iterable[BatchRow]) -> None:
        """Append `settled` for batches whose tasks are all final, unless somebody has.

        Raises:
            LogUnavailable: the log does not answer.
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

    async def _tell_waiting(self) -> None:
        """Tell what waits, when it is time; ends when there is nothing left to remember."""
        loop = asyncio.get_running_loop()
        while self._told:
            await asyncio.sleep(max(0.0, min(self._told.values()) + COUNTED_INTERVAL - loop.time()))
            now = loop.time()
            for batch in [batch for batch, at in self._told.items() if now - at >= COUNTED_INTERVAL]:
                del self._told[batch]
                if batch in self._waiting:
                    await self._tell(self._waiting.pop(batch), now)
        self._telling = None

    async def _tell(self, row: BatchRow, now: float) -> None:
        name = BatchEventName.SETTLED if row.state == BatchState.SETTLED else BatchEventName.COUNTED
        self._told[row.id] = now
        try:
            await self._log.live.publish(subjects.batch_live(name, row.owner, row.id), _encode(to_batch(row)))
        except LogUnavailable as error:  # whoever listens looks at the read model now and then
            log.warning("counts could not be told", batch=row.id, error=error.message)
