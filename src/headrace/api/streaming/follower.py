"""A follower: one client's position in a feed, and what it is given from there on. See `headrace.api.streaming.hub`."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from headrace.api.streaming.frame_buffer import CHUNK_FRAMES
from headrace.api.streaming.frames import Frame
from headrace.contracts.events import EventName
from headrace.contracts.positions import Position
from headrace.log.connection import Log

if TYPE_CHECKING:
    from headrace.api.streaming.hub import Feed

TURN_SECONDS = 0.0025  # for a chunk of some hundred events: 100,000 a second, for all who catch up together
TURN_WAIT_SECONDS_MAX = 1.0
WAITING_FRAMES_MAX = 256  # events that may wait for a slow client
WAITING_BYTES_MAX = 1 << 20  # bytes, likewise

Wanted = Callable[[Frame], bool]


class Turns:
    """Gives everybody who is far behind a turn one after the other, with time between for those who are not."""

    def __init__(self) -> None:
        self._next_at = 0.0

    async def take(self) -> None:
        """Wait for a turn, for a second at most."""
        now = asyncio.get_running_loop().time()
        self._next_at = max(now, self._next_at) + TURN_SECONDS
        wait = self._next_at - TURN_SECONDS - now
        if wait > 0:
            await asyncio.sleep(min(wait, TURN_WAIT_SECONDS_MAX))


class Discontinued(Exception):
    """A follower cannot be given what comes next after what it has; ``reason`` says why. See `Follower.restart`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Follower:
    """One client's view of a feed: frames in log order, each once, after the position it joined at.

    Attributes:
        position: Up to here everything that is wanted was given out.
    """

    __slots__ = ("_feed", "_live", "_log", "_nudged", "_thinned", "_waiting", "_wanted", "position")

    def __init__(self, feed: Feed, log: Log, after: Position, wanted: Wanted | None) -> None:
        self.position = after
        self._feed = feed
        self._log = log
        self._wanted = wanted
        self._waiting: asyncio.Future[None] | None = None
        self._nudged = False
        self._live = False  # whether it has come as far as what is in memory
        self._thinned = frozenset[int]()

    async def next(self, patience: float | None = None) -> list[Frame]:
        """The next frames; empty when there was none within ``patience`` seconds, or when it was woken in vain.

        Raises:
            LogUnavailable: history is needed, and the log cannot be read.
            Discontinued: it does not go on from here.
        """
        nudge = asyncio.get_running_loop().call_later(patience, self.wake) if patience is not None else None
        try:
            while True:
                self._check_continuity()
                before = self.position
                live = self.in_memory
                frames = self._newest() if live else await self._history()
                if self._wanted is not None:
                    frames = [frame for frame in frames if self._wanted(frame)]
                if self._thinned:
                    frames = [frame for frame in frames if frame.sequence not in self._thinned]
                if frames:
                    if not live or len(frames) == CHUNK_FRAMES:  # who is far behind makes room for who is not
                        await self._feed.turns.take()
                    self._feed.metrics.events_out += len(frames)
                    return frames
                if self._nudged:
                    self._nudged = False
                    return []
                if self.position > before or not live:
                    await asyncio.sleep(0)  # a loop over what nobody wants must not keep the event loop
                elif not await self._woken():
                    return []
        finally:
            if nudge is not None:
                nudge.cancel()

    @property
    def caught_up(self) -> bool:
        """Whether everything the log is known to have was given out."""
        recent = self._feed.recent
        return self.in_memory and recent.complete >= self._feed.newest and not recent.after(self.position.sequence)

    @property
    def in_memory(self) -> bool:
        """Whether what comes next is in the feed's memory."""
        return self.position.sequence >= self._feed.recent.floor

    def thin_out(self) -> bool:
        """Leave progress out that later progress of the same task has overtaken, when much waits for a slow client.

        Returns:
            Whether what is left is little enough. Else it is better to end here, and to resume.
        """
        if not self.in_memory:
            return not self._live  # who has not come as far as that reads history, as slowly as it likes
        waiting = self._feed.recent.all_after(self.position.sequence)
        if self._wanted is not None:
            waiting = [frame for frame in waiting if self._wanted(frame)]
        overtaken: set[int] = set()
        if not _fits(waiting):
            seen: set[str] = set()
            for frame in reversed(waiting):
                if frame.event == EventName.PROGRESSED:
                    (overtaken.add(frame.sequence) if frame.task in seen else seen.add(frame.task))
        self._thinned = frozenset(overtaken)
        return _fits([frame for frame in waiting if frame.sequence not in overtaken])

    def restart(self, after: Position) -> None:
        """Go on from somewhere else."""
        self.position = after
        self._live = False

    def close(self) -> None:
        """Stop following. Does not wait: it is called where waiting is not possible, on a client's disconnect."""
        self._feed.leave(self)

    def wake(self) -> None:
        """Have `next` return, if with nothing."""
        self._nudged = True
        self.look()

    def look(self) -> None:
        """There may be something new."""
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def _woken(self) -> bool:
        """Wait for something new; False when woken by `wake`."""
        if not self._nudged:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        woken, self._nudged = not self._nudged, False
        return woken

    def _check_continuity(self) -> None:
        self._feed.look_at_epoch()
        if self.position.epoch != self._log.epoch:
            raise Discontinued("the log was lost and made anew")
        if self._log.filled is not None and self._log.filled.covers(self.position.sequence):
            raise Discontinued("the log has lost its latest events")

    def _newest(self) -> list[Frame]:
        self._live = True
        recent = self._feed.recent
        frames = recent.after(self.position.sequence)
        self._reached(frames[-1].sequence if frames else recent.complete)
        return frames

    async def _history(self) -> list[Frame]:
        self._check_history()
        past = await self._feed.history(self.position.sequence)
        self._check_continuity()  # the log may have become another one meanwhile
        self._check_history()
        self._reached(past.complete)
        return past.frames

    def _check_history(self) -> None:
        if self.position.sequence + 1 < self._log.state.first_sequence:
            raise Discontinued("events after the position have left the log")

    def _reached(self, sequence: int) -> None:
        self.position = self.position._replace(sequence=max(sequence, self.position.sequence))


def _fits(frames: Sequence[Frame]) -> bool:
    return len(frames) <= WAITING_FRAMES_MAX and sum(len(frame.encoded) for frame in frames) <= WAITING_BYTES_MAX
