"""Whether something of an owner has changed lately, as the live side of the log tells, for as long as somebody asks."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from time import monotonic

from headrace.errors import LogUnavailable
from headrace.log import live_subjects, subjects
from headrace.log.connection import Log
from headrace.log.live import Subscription

OWNERS_MAX = 1_000  # whose events this process hears at a time
IDLE_SECONDS = 10.0  # after which nobody is thought to look any more
SETTLE_SECONDS = 0.5  # until the projector has written what was told; usually it takes a tenth


@dataclass
class _Heard:
    subscriptions: list[Subscription] = field(default_factory=list[Subscription])
    changed_at: float = 0.0
    asked_at: float = 0.0


class OwnerChanges:
    """Whether something of an owner has changed lately.

    Args:
        log: The log, whose live side tells.
        on_change: Called with the owner of whom something has changed.
    """

    def __init__(self, log: Log, on_change: Callable[[str], None]) -> None:
        self._log = log
        self._on_change = on_change
        self._heard: OrderedDict[str, _Heard] = OrderedDict()
        self._closing: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._heard)

    async def listen(self, owner: str) -> bool:
        """Hear of an owner's changes from now on. Returns False when that is not possible at the moment."""
        now = monotonic()
        self._end_idle(now)
        heard = self._heard.get(owner)
        if heard is None:
            heard = self._heard[owner] = _Heard(changed_at=now)
            await self._subscribe(owner, heard)
        heard.asked_at = now
        if owner in self._heard:
            self._heard.move_to_end(owner)
        return self._log.is_connected and bool(heard.subscriptions)

    def is_quiet(self, owner: str, since: float) -> bool:
        """Whether nothing has changed from shortly before a time on, so that what was read at that time holds."""
        heard = self._heard.get(owner)
        return heard is not None and heard.changed_at + SETTLE_SECONDS < since

    async def _subscribe(self, owner: str, heard: _Heard) -> None:
        def note(_subject: str, _payload: bytes) -> None:
            self._note(owner)

        for subject in (subjects.live(subjects.task_events(owner)), live_subjects.batch_live("*", owner, "*")):
            try:
                heard.subscriptions.append(await self._log.live.watch(subject, note))
            except LogUnavailable:
                self._heard.pop(owner, None)
                break
        if self._heard.get(owner) is not heard:
            # It could not be heard, or was ended meanwhile because too many others were asked for.
            self._close(heard)

    def _note(self, owner: str) -> None:
        heard = self._heard.get(owner)
        if heard is None:
            return
        heard.changed_at = monotonic()
        self._on_change(owner)
        if heard.asked_at + IDLE_SECONDS < heard.changed_at:
            # A busy owner whom nobody looks at costs nothing.
            self._close(self._heard.pop(owner))

    def _end_idle(self, now: float) -> None:
        while self._heard:
            owner, oldest = next(iter(self._heard.items()))
            if oldest.asked_at + IDLE_SECONDS >= now and len(self._heard) < OWNERS_MAX:
                return
            self._close(self._heard.pop(owner))
            self._on_change(owner)

    def _close(self, heard: _Heard) -> None:
        for each in heard.subscriptions:
            closing = asyncio.create_task(each.close(), name="stop hearing an owner's changes")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
        heard.subscriptions = []
