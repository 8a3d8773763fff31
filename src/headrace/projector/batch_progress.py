"""What the projector says of batches, after a page is in the read model: their counts, live, and that they have settled."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import msgspec

from headrace.contracts.batches import BatchEventName, BatchSettled, BatchState, encode
from headrace.errors import AppendRefused, LogUnavailable
from headrace.log import conditions, subjects
from headrace.log.connection import Log
from headrace.log.live import tell
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
            subject = subjects.batch_event(BatchEventName.SETTLED, row.owner, row.id)
            payload = encode(BatchSettled(counts=counts_of(row)))
            for expected in dict.fromkeys((row.settled_sequence, 0)):  # one that has left the log counts as none
                headers = {
                    subjects.MSG_ID: f"settled-{row.id}-{row.epoch}-{row.sequence}-{expected}",
                    **conditions.subject_unchanged(expected),
                }
                try:
                    await self._log.appender.append(subject, payload, headers)
                    break
                except AppendRefused:
                    last = await self._log.replayer.last(subject)
                    if last is not None and last.sequence != row.settled_sequence:
                        break  # it stands there already, and will be read

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
            await tell(self._log.connection, subjects.batch_live(name, row.owner, row.id), _encode(to_batch(row)))
        except LogUnavailable as error:  # whoever listens looks at the read model now and then
            log.warning("counts could not be told", batch=row.id, error=error.message)
