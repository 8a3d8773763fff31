"""A follower: one client's position in a feed, and the events that it is given from there on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from headrace.api.streaming.fan_out import News
from headrace.api.streaming.feed import Feed
from headrace.api.streaming.frame_buffer import CHUNK_FRAMES
from headrace.api.streaming.frames import Frame
from headrace.api.streaming.metrics import StreamMetrics
from headrace.contracts.events import EventName
from headrace.contracts.positions import Position
from headrace.log.connection import Log

TURN_SECONDS = 0.0025  # for a chunk of some hundred events: 100,000 a second, for all who catch up together
TURN_WAIT_SECONDS_MAX = 1.0
WAITING_FRAMES_MAX = 256  # events that may wait for a slow client
WAITING_BYTES_MAX = 1 << 20  # bytes that may wait for a slow client

Wanted = Callable[[Frame], bool]


class Turns:
    """Gives the followers that are far behind one turn after the other, with time in between for those that are not."""

    def __init__(self) -> None:
        self._next_at = 0.0

    async def wait_for_turn(self) -> None:
        """Wait for a turn, for a second at most."""
        now = asyncio.get_running_loop().time()
        self._next_at = max(now, self._next_at) + TURN_SECONDS
        wait = self._next_at - TURN_SECONDS - now
        if wait > 0:
            await asyncio.sleep(min(wait, TURN_WAIT_SECONDS_MAX))


class Discontinued(Exception):
    """A follower cannot be given the events after its position. It goes on from another one, see `Follower.restart`.

    Attributes:
        reason: Why it cannot, for the client.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Follower:
    """One client's view of a feed: events in log order, each once, after the position at which the client joined.

    Attributes:
        feed: The feed.
        position: Every wanted event up to this position was given out.
        push: Sends news while `next` waits for them, and returns whether it has; None to have all events returned by `next`.
    """

    __slots__ = (
        "_live",
        "_log",
        "_metrics",
        "_on_close",
        "_thinned",
        "_turns",
        "_waiting",
        "_wanted",
        "_woken",
        "feed",
        "position",
        "push",
    )

    def __init__(
        self,
        feed: Feed,
        log: Log,
        turns: Turns,
        metrics: StreamMetrics,
        after: Position,
        wanted: Wanted | None,
        on_close: Callable[[Follower], None],
    ) -> None:
        self.feed = feed
        self.position = after
        self.push: Callable[[News], bool] | None = None
        self._log = log
        self._turns = turns
        self._metrics = metrics
        self._wanted = wanted
        self._on_close = on_close
        self._waiting: asyncio.Future[None] | None = None
        self._woken = False
        # Whether it has come as far as the events in memory.
        self._live = False
        # Sequences of the events that are left out for a slow client.
        self._thinned = frozenset[int]()

    async def next(self, patience: float | None = None) -> list[Frame]:
        """Return the next events; none when there was none within ``patience`` seconds, or after `wake`.

        Raises:
            LogUnavailable: History is needed, and JetStream does not answer.
            Discontinued: The log does not continue at the position of this follower.
        """
        timer = asyncio.get_running_loop().call_later(patience, self.wake) if patience is not None else None
        try:
            while True:
                self._check_continuity()
                before, in_memory = self.position, self.in_memory
                frames = self._read_buffer() if in_memory else await self._read_history()
                if self._wanted is not None or self._thinned:
                    frames = self._select(frames)
                if frames and (not in_memory or len(frames) == CHUNK_FRAMES):
                    # A follower that is far behind makes room for those that are not.
                    await self._turns.wait_for_turn()
                if frames:
                    self._metrics.events_out += len(frames)
                    return frames
                if self._woken:
                    self._woken = False
                    return []
                if self.position > before or not in_memory:
                    # Reading past many unwanted events must not keep the event loop from the others.
                    await asyncio.sleep(0)
                elif not await self._wait_for_news():
                    return []
        finally:
            if timer is not None:
                timer.cancel()

    def _check_continuity(self) -> None:
        self.feed.check_epoch()
        if self.position.epoch != self._log.epoch:
            raise Discontinued("the log was lost and made anew")
        if self._log.filled is not None and self._log.filled.covers(self.position.sequence):
            raise Discontinued("the log has lost its latest events")

    def _read_buffer(self) -> list[Frame]:
        self._live = True
        buffer = self.feed.buffer
        frames = buffer.after(self.position.sequence)
        self._advance(frames[-1].sequence if frames else buffer.complete_through)
        return frames

    async def _read_history(self) -> list[Frame]:
        self._check_history()
        page = await self.feed.read_history(self.position.sequence)
        # The log may have become another one meanwhile, or have lost the beginning of the page.
        await self._log.keep_current()
        self._check_continuity()
        self._check_history()
        if (
            not page.frames
            and self.position.sequence + 1 < self._log.state.complete_from
            and await self.feed.is_empty()
        ):
            # The task ended, and has left the log while it was read.
            raise Discontinued("events after the position have left the log")
        self._advance(page.complete_through)
        return page.frames

    def _check_history(self) -> None:
        state = self._log.state
        first = state.first_sequence if self.feed.is_of_one_task else state.complete_from
        if self.position.sequence + 1 < first:
            raise Discontinued("events after the position have left the log")

    def _advance(self, sequence: int) -> None:
        self.position = self.position._replace(sequence=max(sequence, self.position.sequence))

    def _select(self, frames: list[Frame]) -> list[Frame]:
        """Leave out what the client does not want, and the progress that it is too slow for."""
        wanted, thinned = self._wanted, self._thinned
        if wanted is not None:
            frames = [frame for frame in frames if wanted(frame)]
        if thinned:
            frames = [frame for frame in frames if frame.sequence not in thinned]
        return frames

    async def _wait_for_news(self) -> bool:
        """Wait until the feed has news; False when `wake` ended the wait."""
        if not self._woken:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                await self._waiting
            finally:
                self._waiting = None
        has_news, self._woken = not self._woken, False
        return has_news

    def notify(self, news: News | None = None) -> bool:
        """Have `next` read again, if it waits: the feed may have news.

        Returns:
            Whether ``news`` were pushed in its place.
        """
        if self._waiting is None or self._waiting.done():
            return False
        if news is None or self.push is None or self.position != news.after or self._thinned:
            self._waiting.set_result(None)
            return False
        wanted = len(news.frames) if self._wanted is None else sum(map(self._wanted, news.frames))
        is_pushed = wanted > 0 and wanted == len(news.frames) and self.push(news)
        if is_pushed or not wanted:
            self.position = news.position
        else:
            self._waiting.set_result(None)
        return is_pushed

    def wake(self) -> None:
        """Have `next` return, even with no events."""
        self._woken = True
        self.notify()

    @property
    def caught_up(self) -> bool:
        """Whether every event that the log is known to have was given out."""
        buffer = self.feed.buffer
        is_complete = self.in_memory and buffer.complete_through >= self.feed.newest
        return is_complete and not buffer.after(self.position.sequence)

    @property
    def in_memory(self) -> bool:
        """Whether the next event is in the feed's memory, or will be."""
        return self.position.sequence >= self.feed.buffer.floor

    def thin_out(self) -> bool:
        """Leave out progress that later progress of the same task has overtaken, when much waits for a slow client.

        Returns:
            Whether what still waits is little enough. If not, the stream should end, and its client resume from its cursor.
        """
        if not self.in_memory:
            # A client that has not come as far as the events in memory reads history, as slowly as it likes.
            return not self._live
        waiting = self.feed.buffer.all_after(self.position.sequence)
        if self._wanted is not None:
            waiting = [frame for frame in waiting if self._wanted(frame)]
        self._thinned = frozenset[int]() if _fits(waiting) else _overtaken(waiting)
        return _fits([frame for frame in waiting if frame.sequence not in self._thinned])

    def restart(self, after: Position) -> None:
        """Go on from another position."""
        self.position = after
        self._live = False

    def close(self) -> None:
        """Stop following. It does not wait, since it is called on a client's disconnect, where waiting is not possible."""
        self._on_close(self)


def _fits(frames: Sequence[Frame]) -> bool:
    """Return whether so much may wait for a slow client."""
    return len(frames) <= WAITING_FRAMES_MAX and sum(len(frame.encoded) for frame in frames) <= WAITING_BYTES_MAX


def _overtaken(frames: Sequence[Frame]) -> frozenset[int]:
    """Return the sequences of the progress that later progress of the same task has overtaken."""
    overtaken: set[int] = set()
    seen: set[str] = set()
    for frame in reversed(frames):
        if frame.event != EventName.PROGRESSED:
            continue
        if frame.task in seen:
            overtaken.add(frame.sequence)
        seen.add(frame.task)
    return frozenset(overtaken)
