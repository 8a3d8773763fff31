"""Hints about kinds: announced, paused, resumed, and without workers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from headrace.api.hints.buffer import Hint
from headrace.api.hints.source import HintSource, listening
from headrace.api.pauses import Pauses
from headrace.api.streaming.frames import hint_frame
from headrace.catalog import Catalog
from headrace.contracts.hints import HintName, KindChange, KindHint, KindPaused
from headrace.contracts.kinds import CatalogEntry, KindDescription
from headrace.log import live_subjects
from headrace.log.connection import Log

COMPARE_SECONDS = 1.0  # between two looks at the catalog, which is in memory
# Between two questions to the broker: another process tells when it pauses a kind, and this finds what was not told.
ASK_SECONDS = 5.0

_decode_paused = msgspec.json.Decoder(KindPaused).decode


class Seen(NamedTuple):
    """A kind as it was at one look at the catalog, which keeps a description for as long as workers announce the same."""

    entry: CatalogEntry
    description: KindDescription


class KindHints(HintSource):
    """Hints about kinds.

    Args:
        event_log: The log, whose live side tells of pauses.
        catalog: The kinds.
        pauses: Which of them are paused.
    """

    def __init__(self, event_log: Log, catalog: Catalog, pauses: Pauses) -> None:
        super().__init__()
        self._log = event_log
        self._catalog = catalog
        self._pauses = pauses
        self._paused: set[str] = set()
        self._seen: dict[str, Seen] = {}

    async def work(self) -> None:
        """Give hints until cancelled.

        Raises:
            LogUnavailable: NATS cannot be reached.
        """
        async with listening(self._log, {live_subjects.kind_live("*"): self._on_paused}):
            self._paused = set(await self._pauses.paused_kinds())
            self._seen = self._look()
            self.succeeded()
            looks = 0
            while True:
                await asyncio.sleep(COMPARE_SECONDS)
                looks += 1
                if looks % round(ASK_SECONDS / COMPARE_SECONDS) == 0:
                    self._paused = set(await self._pauses.paused_kinds())
                self._compare()

    def _on_paused(self, subject: str, payload: bytes) -> None:
        if (told := self.read(_decode_paused, subject, payload)) is None:
            return
        (self._paused.add if told.paused else self._paused.discard)(told.kind)
        self._compare()

    def _compare(self) -> None:
        before, self._seen = self._seen, self._look()
        for name, now in self._seen.items():
            for change in changes_between(before.get(name), now):
                entry = now.entry
                told = KindHint(
                    kind=name,
                    change=change,
                    has_workers=entry.has_workers,
                    paused=entry.paused,
                    announced_at=entry.announced_at,
                )
                # The newest says how the kind is in every respect, so that it takes the place of an older one.
                self.give(Hint(HintName.KIND, f"kind {name}", hint_frame(HintName.KIND, told), kind=name))

    def _look(self) -> dict[str, Seen]:
        entries = self._catalog.entries(self._paused)
        return {entry.name: Seen(entry, self._catalog.describe(entry.name)) for entry in entries}


def changes_between(before: Seen | None, now: Seen) -> Iterator[KindChange]:
    """Yield what has happened to a kind between two looks at it."""
    if before is None:
        yield KindChange.ANNOUNCED
        return
    has_new_workers = now.entry.has_workers and not before.entry.has_workers
    if has_new_workers or now.description is not before.description:
        yield KindChange.ANNOUNCED
    if before.entry.has_workers and not now.entry.has_workers:
        yield KindChange.LOST_WORKERS
    if now.entry.paused != before.entry.paused:
        yield KindChange.PAUSED if now.entry.paused else KindChange.RESUMED
