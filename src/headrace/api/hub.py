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

from headrace.api.frames import Frame, encode_frame
from headrace.api.metrics import Metrics
from headrace.api.recent import Recent
from headrace.contracts.events import EventName
from headrace.contracts.positions import Position
from headrace.errors import LogUnavailable
from headrace.log.connection import Log
from headrace.log.live import Subscription, listen
from headrace.log.records import Record
from headrace.log.replay import Page
from headrace.telemetry import get_logger

LOOK_SECONDS = 1.0  # how often it is looked whether the log is still the one it was
COMPARE_SECONDS = 10.0  # within which every feed is compared with the log, a few every second
REACH = (
    10_000  # positions: a feed that begins with a cursor so close to the end takes from there on into memory, for all
)
AGAIN_SECONDS = 0.25  # between two tries to read a log that is away
WAITING_FRAMES_MAX = 256  # events that may wait for a slow client
WAITING_BYTES_MAX = 1 << 20  # bytes, likewise
LAGGING_SECONDS = 0.02  # a server that has a copy of the log may be behind the one that told of an event
LAGGING_TRIES_MAX = 50  # then the event has been withdrawn

log = get_logger(__name__)

Wanted = Callable[[Frame], bool]


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
        known = self._feed.recent.complete
        page = await self._feed.page(self.position.sequence + 1, known)
        self._check_continuity()  # the log may have become another one meanwhile
        self._check_history()
        last = page.records[-1].sequence if page.records else 0
        self._reached(last if page.more else max(last, known))
        return self._feed.encoded(page.records)

    def _check_history(self) -> None:
        if self.position.sequence + 1 < self._log.state.first_sequence:
            raise Discontinued("events after the position have left the log")

    def _reached(self, sequence: int) -> None:
        self.position = self.position._replace(sequence=max(sequence, self.position.sequence))


def _fits(frames: Sequence[Frame]) -> bool:
    return len(frames) <= WAITING_FRAMES_MAX and sum(len(frame.encoded) for frame in frames) <= WAITING_BYTES_MAX


class Feed:
    """One subject that somebody follows.

    Attributes:
        epoch: Of the log that those are from.
        recent: Its newest events.
        newest: The last sequence of the log that may be of this feed, as far as is known.
    """

    def __init__(
        self, log: Log, subject: str, metrics: Metrics, on_empty: Callable[[Feed], None], after: Position
    ) -> None:
        self.subject = subject
        self.metrics = metrics
        self.followers: set[Follower] = set()
        self.epoch = log.epoch
        self.recent = Recent(0)
        self.newest = 0
        self.compared_at = asyncio.get_running_loop().time()
        self.opened = asyncio.create_task(self._open(after), name="open a feed")
        self._log = log
        self._live = True  # not between a disconnect and the catching up
        self._taken = 0
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
        quiet, before = self._reading is None, self._taken
        self.hear_of(sequence)
        if self._reading is not None:
            await asyncio.wait({self._reading})
        if quiet and self._taken > before:
            self.metrics.losses += 1
            log.warning("events were lost on their way here; they were read from the log", events=self._taken - before)

    def look_at_epoch(self) -> None:
        """Whether the log was taken away and made anew, which may happen without a disconnect."""
        if self.epoch != self._log.epoch and self.opened.done():
            self.begin_anew()

    def begin_anew(self) -> None:
        """What was taken of the log does not count any more, or has a gap; each follower looks whether it can go on."""
        self._stop_reading()
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
        if self._subscription is not None and not self._log.connection.is_closed:
            await self._subscription.unsubscribe()

    def _take(self, records: Sequence[Record], complete: int) -> None:
        self._taken += len(records)
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
        self._subscription = await listen(self._log.connection, self.subject, self.on_record)
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
            feed = self._feeds[subject] = Feed(self._log, subject, self.metrics, self._abandon, after)
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
