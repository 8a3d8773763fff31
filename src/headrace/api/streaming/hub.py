"""The hub: who follows what, live and without a gap or a repeat.

There is one core-NATS subscription per subject that somebody follows (a *feed*), shared by all its followers; the last one
out unsubscribes. A feed keeps its newest events, encoded once; a follower is a position in them, and reads history from the
log until it has come that far. Joining: subscribe → history after the cursor → what the feed has had since → live.

The live feed is at most once, and nothing on the way says what it lost. So the log decides: an event that comes live is taken
at once only when no other can stand before it, which is when its position is the next one. Else it is a hint that the log has
more, and what the log has is read from there, in pages, one reader a feed: some tenths of a millisecond, and the busier a feed
is the more come with each page. What was lost shows with the next event, or else when the feed is compared with the log,
which is done every few seconds. Nothing is given out before what stands before it in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from headrace.api.streaming.follower import Follower, Turns, Wanted
from headrace.api.streaming.frame_buffer import Recent
from headrace.api.streaming.frames import Frame, encode_frame
from headrace.api.streaming.metrics import Metrics
from headrace.contracts.positions import Position
from headrace.errors import LogUnavailable
from headrace.log.connection import Log
from headrace.log.live import Subscription
from headrace.log.records import Record
from headrace.log.replay import Page
from headrace.telemetry import get_logger

LOOK_SECONDS = 1.0  # how often it is looked whether the log is still the one it was
COMPARE_SECONDS = 10.0  # within which every feed is compared with the log, a few every second
REACH = (
    10_000  # positions: a feed that begins with a cursor so close to the end takes from there on into memory, for all
)
AGAIN_SECONDS = 0.25  # between two tries to read a log that is away
HISTORY_SECONDS = 1.0  # how long a page of history is kept for others who may ask for the same
HISTORIES_MAX = 8  # pages of a feed that are kept so
LAGGING_SECONDS = 0.02  # a server that has a copy of the log may be behind the one that told of an event
LAGGING_TRIES_MAX = 50  # then the event has been withdrawn

log = get_logger(__name__)


class Past(NamedTuple):
    """A page of history as frames; up to ``complete`` there is nothing else."""

    frames: list[Frame]
    complete: int


class Feed:
    """One subject that somebody follows.

    Attributes:
        epoch: Of the log that those are from.
        recent: Its newest events.
        newest: The last sequence of the log that may be of this feed, as far as is known.
    """

    def __init__(
        self,
        log: Log,
        subject: str,
        metrics: Metrics,
        turns: Turns,
        on_empty: Callable[[Feed], None],
        after: Position,
    ) -> None:
        self.subject = subject
        self.metrics = metrics
        self.turns = turns
        self.followers: set[Follower] = set()
        self.epoch = log.epoch
        self.recent = Recent(0)
        self.newest = 0
        self.compared_at = asyncio.get_running_loop().time()
        self.opened = asyncio.create_task(self._open(after), name="open a feed")
        self._log = log
        self._live = True  # not between a disconnect and the catching up
        self._histories: dict[int, asyncio.Task[Past]] = {}
        self._on_empty = on_empty
        self._reading: asyncio.Task[None] | None = None
        self._subscription: Subscription | None = None

    def on_record(self, record: Record) -> None:
        """Something came live: take it when it is the next, else read the log."""
        self.metrics.events_in += 1
        self.look_at_epoch()
        if self.recent.complete == record.sequence - 1 and self._live and self._reading is None and self.opened.done():
            self._take((record,), record.sequence)
        else:
            self.hear_of(record.sequence)

    def hear_of(self, sequence: int) -> None:
        """The log has something at this sequence that may be of this feed."""
        self.newest = max(self.newest, sequence)
        if self.newest > self.recent.complete and self._reading is None and self.opened.done():
            self._reading = asyncio.create_task(self._read(), name="read what is new")

    async def compare(self, sequence: int) -> None:
        """Return when everything up to a sequence that the log is known to have was taken."""
        self.look_at_epoch()
        quiet, recent, before = self._reading is None, self.recent, self.recent.complete
        self.hear_of(sequence)
        if self._reading is not None:
            await asyncio.wait({self._reading})
        lost = [frame.sequence for frame in recent.all_after(before) if frame.sequence <= sequence] if quiet else []
        if lost and before >= recent.floor:
            self.metrics.losses += 1
            log.warning("events were lost on their way here; they were read from the log", events=len(lost))

    def look_at_epoch(self) -> None:
        """Whether the log was taken away and made anew, which may happen without a disconnect."""
        if self.epoch != self._log.epoch and self.opened.done():
            self.begin_anew()

    def begin_anew(self) -> None:
        """What was taken of the log does not count any more, or has a gap; each follower looks whether it can go on."""
        self._stop_reading()
        self._histories.clear()
        last = self._log.state.last_sequence
        self.newest = max(last, self.newest) if self.epoch == self._log.epoch else last
        self.epoch = self._log.epoch
        self.recent = Recent(last)
        self.catch_up()

    def disconnected(self) -> None:
        """What comes live from now on follows a gap; an answer that is waited for does not come any more."""
        self._live = False
        self._stop_reading()

    def catch_up(self) -> None:
        """Connected again: take what was missed, unless it may have left the log by now."""
        self._live = True
        if self.recent.complete + 1 < self._log.state.first_sequence:
            self.begin_anew()
            return
        self.hear_of(self._log.state.last_sequence)
        for follower in self.followers:
            follower.look()

    async def page(self, start: int, known: int) -> Page:
        """A page of the log's history of this feed; when it has no more, it has everything up to ``known``.

        Raises:
            LogUnavailable: the log does not answer.
        """
        for _ in range(LAGGING_TRIES_MAX):
            self.metrics.replays += 1
            page = await self._log.replayer.page(self.subject, start=start)
            if page.more or self._log.settings.replicas == 1:
                return page
            last = page.records[-1].sequence if page.records else start - 1
            if last >= known or await self._log.replayer.last_at_leader(self.subject) <= last:
                return page
            await asyncio.sleep(LAGGING_SECONDS)
        raise LogUnavailable("a copy of the log does not catch up with the others; try again in a moment")

    async def history(self, after: int) -> Past:
        """What comes after a sequence in the log's history, a page of it; who asks for the same soon after is given the same.

        Many do when all clients of a process that went away come back at once.

        Raises:
            LogUnavailable: the log does not answer.
        """
        reading = self._histories.get(after)
        if reading is None:
            reading = self._histories[after] = asyncio.create_task(self._read_history(after), name="read history")
            reading.add_done_callback(lambda read: self._keep_history(after, read))
        return await asyncio.shield(reading)

    async def _read_history(self, after: int) -> Past:
        known = self.recent.complete
        page = await self.page(after + 1, known)
        last = page.records[-1].sequence if page.records else 0
        return Past(self.encoded(page.records), last if page.more else max(last, known))

    def _keep_history(self, after: int, read: asyncio.Task[Past]) -> None:
        """Keep it for a moment, if it is worth keeping and there is room."""
        failed = read.cancelled() or read.exception() is not None
        if failed or not read.result().frames or len(self._histories) > HISTORIES_MAX:
            self._histories.pop(after, None)
        else:
            asyncio.get_running_loop().call_later(HISTORY_SECONDS, self._histories.pop, after, None)

    def encoded(self, records: Iterable[Record]) -> list[Frame]:
        """Records as frames, those that can be read."""
        return [frame for record in records if (frame := encode_frame(record, self._log.epoch)) is not None]

    def leave(self, follower: Follower) -> None:
        """Let a follower go; the last one closes the feed."""
        self.followers.discard(follower)
        if not self.followers:
            self._on_empty(self)

    async def close(self) -> None:
        """Unsubscribe."""
        await asyncio.wait({self.opened})
        self._stop_reading()
        if self._subscription is not None:
            await self._subscription.close()

    def _take(self, records: Sequence[Record], complete: int) -> None:
        self.recent.extend(self.encoded(records), complete)
        self.newest = max(self.newest, complete)
        for follower in self.followers:
            follower.look()

    async def _read(self) -> None:
        """Take what the log has, until there is nothing more; later events wait for it."""
        try:
            while self.recent.complete < self.newest and self._live:
                known, recent = self.newest, self.recent
                try:
                    page = await self.page(recent.complete + 1, known)
                except LogUnavailable as error:
                    log.warning("could not read what is new", error=error.message)
                    await asyncio.sleep(AGAIN_SECONDS)
                    continue
                last = page.records[-1].sequence if page.records else 0
                if recent is self.recent:
                    self._take(page.records, last if page.more else max(last, known))
        finally:
            if self._reading is asyncio.current_task():
                self._reading = None

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    async def _open(self, after: Position) -> None:
        self._subscription = await self._log.live.listen(self.subject, self.on_record)
        state = await self._log.refresh()
        close = after.epoch == state.epoch and after.sequence >= max(
            state.last_sequence - REACH, state.first_sequence - 1
        )
        self.epoch = state.epoch
        self.recent = Recent(min(after.sequence, state.last_sequence) if close else state.last_sequence)
        self.newest = max(self.newest, state.last_sequence)


class Hub:
    """All feeds of one API process."""

    def __init__(self, log: Log, metrics: Metrics | None = None) -> None:
        self.metrics = metrics or Metrics()
        self._turns = Turns()
        self.draining = False
        self._log = log
        self._feeds: dict[str, Feed] = {}
        self._closing: set[asyncio.Task[None]] = set()
        log.on_disconnect(self._on_disconnect)
        log.on_reconnect(self._on_reconnect)

    async def follow(self, subject: str, after: Position, wanted: Wanted | None = None) -> Follower:
        """Join a feed.

        Args:
            subject: A log subject, wildcards allowed.
            after: The last position the client has.
            wanted: Which of its events; None for all.

        Raises:
            LogUnavailable: the log does not answer.
        """
        feed = self._feeds.get(subject)
        if feed is None:
            feed = self._feeds[subject] = Feed(self._log, subject, self.metrics, self._turns, self._abandon, after)
        follower = Follower(feed, self._log, after, wanted)
        feed.followers.add(follower)
        try:
            await asyncio.shield(feed.opened)
        except BaseException:
            follower.close()
            raise
        feed.hear_of(feed.newest)
        return follower

    async def watch(self) -> None:
        """Compare the feeds with the log, for ever: a live message can be lost without any sign of it."""
        loop = asyncio.get_running_loop()
        before, looked = 0, loop.time()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            elapsed, looked = loop.time() - looked, loop.time()
            try:
                last = (await self._log.refresh()).last_sequence
                for feed in self._feeds.values():
                    feed.look_at_epoch()
                # what the log had a look ago has reached all who hold a copy of it, and followers long since
                for feed in self._due(looked, elapsed):
                    feed.compared_at = loop.time()
                    await feed.compare(min(before, last))
            except LogUnavailable as error:
                log.warning("could not compare what is followed with the log", error=error.message)
            else:
                before = last

    async def compare(self) -> None:
        """Compare every feed with the log as it now is.

        Raises:
            LogUnavailable: the log does not answer.
        """
        last = (await self._log.refresh()).last_sequence
        for feed in list(self._feeds.values()):
            await feed.compare(last)

    def drain(self) -> None:
        """Tell every follower that it is time to end."""
        self.draining = True
        for feed in self._feeds.values():
            for follower in feed.followers:
                follower.wake()

    @property
    def followers(self) -> int:
        """Who follows, in all."""
        return sum(len(feed.followers) for feed in self._feeds.values())

    @property
    def feeds(self) -> int:
        """Subjects subscribed to."""
        return len(self._feeds)

    def _due(self, now: float, elapsed: float) -> list[Feed]:
        """The feeds whose turn it is, so that all have theirs within `COMPARE_SECONDS` however long each takes."""
        due = [feed for feed in self._feeds.values() if now - feed.compared_at >= COMPARE_SECONDS - LOOK_SECONDS]
        return sorted(due, key=lambda feed: feed.compared_at)[: int(len(self._feeds) * elapsed / COMPARE_SECONDS) + 1]

    def _abandon(self, feed: Feed) -> None:
        """Close a feed that nobody follows any more."""
        if self._feeds.get(feed.subject) is feed:
            del self._feeds[feed.subject]
            closing = asyncio.create_task(feed.close(), name="close a feed")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    def _on_disconnect(self) -> None:
        for feed in self._feeds.values():
            feed.disconnected()

    async def _on_reconnect(self) -> None:
        filled = self._log.filled
        for feed in self._feeds.values():
            feed.look_at_epoch()
            if filled is not None and filled.covers(feed.recent.complete):
                feed.begin_anew()
            else:
                feed.catch_up()
