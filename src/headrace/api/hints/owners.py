"""Hints about what an owner has: counts of tasks, batches and schedules, as the projector tells them."""

from __future__ import annotations

import asyncio

import msgspec

from headrace.api.hints.buffer import Hint
from headrace.api.hints.source import HintSource, listening
from headrace.api.read_model import ReadModel
from headrace.api.streaming.frames import hint_frame
from headrace.contracts.batches import Batch, BatchState
from headrace.contracts.counts import OwnerCounts
from headrace.contracts.hints import HintName, ScheduleHint
from headrace.errors import ReadModelUnavailable
from headrace.log import live_subjects
from headrace.log.connection import Log
from headrace.store.counts import read_counts
from headrace.store.tables import EVERYBODY

READ_RETRY_SECONDS = 5.0  # until counts are read again that could not be; they may be told before that

_decode_counts = msgspec.json.Decoder(OwnerCounts).decode
_decode_batch = msgspec.json.Decoder(Batch).decode
_decode_schedule = msgspec.json.Decoder(ScheduleHint).decode


class OwnerHints(HintSource):
    """Hints about what an owner has.

    The counts are told live, at most once by nature. So they are read when the first stream joins and after a reconnect.

    Args:
        event_log: The log, whose live side tells.
        read_model: The read model, which has the counts.
        owner: The owner; None for everybody together.
    """

    def __init__(self, event_log: Log, read_model: ReadModel, owner: str | None) -> None:
        super().__init__()
        self._log = event_log
        self._read_model = read_model
        self._owner = owner
        self._is_stale = asyncio.Event()
        self._told = 0

    async def work(self) -> None:
        """Give hints until cancelled.

        Raises:
            LogUnavailable: NATS cannot be reached.
        """
        owner = "*" if self._owner is None else self._owner
        counts = live_subjects.COUNTS_OF_ALL if self._owner is None else live_subjects.counts_of(self._owner)
        heard = {
            counts: self._on_counts,
            live_subjects.batch_live("*", owner, "*"): self._on_batch,
            live_subjects.schedules_of(owner): self._on_schedule,
        }
        async with listening(self._log, heard):
            forget = self._log.on_reconnect(self._on_reconnect)
            self.succeeded()
            self._is_stale.set()
            try:
                while True:
                    await self._is_stale.wait()
                    self._is_stale.clear()
                    await self._read_counts()
            finally:
                forget()

    async def _read_counts(self) -> None:
        told = self._told
        try:
            async with self._read_model.session() as session:
                counts = await read_counts(session, EVERYBODY if self._owner is None else self._owner)
        except ReadModelUnavailable:
            # `session()` has logged the error. Live counts may arrive before it is over.
            self._is_stale.set()
            await asyncio.sleep(READ_RETRY_SECONDS)
            return
        if self._told == told:
            self._give_counts(counts)

    async def _on_reconnect(self) -> None:
        self._is_stale.set()

    def _on_counts(self, subject: str, payload: bytes) -> None:
        if (counts := self.read(_decode_counts, subject, payload)) is None:
            return
        self._told += 1
        self._give_counts(counts)

    def _give_counts(self, counts: OwnerCounts) -> None:
        self.give(Hint(HintName.COUNTS, "counts", hint_frame(HintName.COUNTS, counts)), is_current=True)

    def _on_batch(self, subject: str, payload: bytes) -> None:
        if (batch := self.read(_decode_batch, subject, payload)) is None:
            return
        name = HintName.SETTLED if batch.state == BatchState.SETTLED else HintName.COUNTED
        self.give(Hint(name, f"batch {batch.id}", hint_frame(name, batch), kind=batch.kind, batch=batch.id))

    def _on_schedule(self, subject: str, payload: bytes) -> None:
        if (changed := self.read(_decode_schedule, subject, payload)) is None:
            return
        self.give(Hint(HintName.SCHEDULE, f"schedule {changed.schedule}", hint_frame(HintName.SCHEDULE, changed)))
