"""The hub: who follows what, live and without a gap or a repeat.

There is one core-NATS subscription per subject that somebody follows (a *feed*), shared by all its followers; the last one
out unsubscribes. Joining: subscribe → page the history after the cursor from the log → drop from what arrived meanwhile
what history already had → live.

The live feed is at most once. Whatever may have been lost on it (a reconnect, a message dropped on the way, a follower's full
buffer) is repaired in one way: the follower goes back to history, from the last event it was given. A loss shows in the next
event of the same task and name, or else when the feed is compared with the log; a follower that was given something later by
then is told to begin again.
"""

from __future__ import annotations

import asyncio
from collections import deque

from headrace.api.frames import Frame, encode_frame
from headrace.contracts.positions import Position
from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.live import Subscription, heard_all, listen
from headrace.log.records import Record
from headrace.telemetry import get_logger

BUFFER_FRAMES_MAX = 1024  # a follower further behind goes back to history, which is in the log and not in our memory
BUFFER_BYTES_MAX = 4 << 20  # bytes, likewise
COMPARE_SECONDS = 5.0  # how often feeds are compared with the log
COMPARE_PAGES_MAX = 16  # pages of a feed in one go; what is left is compared the next time
UNCOMPARED_MAX = 4096  # events a feed remembers for that; one that brings more in 5 s is taken at its word

log = get_logger(__name__)


class Discontinued(Exception):
    """A follower cannot be given what comes next after what it has; ``reason`` says why. See `Follower.restart`."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Follower:
    """One client's view of a feed: frames in log order, each once, after the position it joined at."""

    def __init__(self, feed: Feed, log: Log, after: Position) -> None:
        self.position = after  # of the last frame given out
        self._feed = feed
        self._log = log
        self._live: deque[Frame] = deque()
        self._live_bytes = 0
        self._complete = after.sequence  # up to here nothing is missing: it came from history
        self._missed = False  # whether an event is missing before the last one given out
        self._behind = True  # whether history is to be read before anything live
        self._wake = asyncio.Event()

    async def next(self, patience: float) -> list[Frame]:
        """The next frames; empty when there was none within ``patience`` seconds, or the hub drains.

        Raises:
            LogUnavailable: history is needed, and the log cannot be read.
            Discontinued: it does not go on from here.
        """
        self._check_continuity()
        if not self._behind and not self._live:
            self._wake.clear()
            try:
                async with asyncio.timeout(patience):
                    await self._wake.wait()
            except TimeoutError:
                return []
            self._check_continuity()
        frames = await self._history() if self._behind else self._drain()
        if not frames:
            await asyncio.sleep(0)  # a caller that loops over nothing must not keep the event loop
        return frames

    @property
    def caught_up(self) -> bool:
        """Whether everything the log had so far was given out."""
        return not self._behind and not self._live

    def restart(self, after: Position) -> None:
        """Go on from somewhere else."""
        self.fall_behind()
        self.position = after
        self._complete = after.sequence
        self._missed = False

    def close(self) -> None:
        """Stop following. Does not wait: it is called where waiting is not possible, on a client's disconnect."""
        self._feed.leave(self)

    def offer(self, frame: Frame) -> None:
        """Take a live frame."""
        if self._behind:
            return  # history will have it
        self._live.append(frame)
        self._live_bytes += len(frame.encoded)
        if len(self._live) > BUFFER_FRAMES_MAX or self._live_bytes > BUFFER_BYTES_MAX:
            self.fall_behind()
        self._wake.set()

    def fall_behind(self) -> None:
        """Go back to history: something may be missing from what arrived live."""
        self._live.clear()
        self._live_bytes = 0
        self._behind = True
        self._wake.set()

    def repair(self, missing: int) -> None:
        """Make up for a live event that never arrived: in order, unless something later was given out already."""
        if missing > self._complete:
            self._missed = self._missed or self.position.sequence >= missing
            self.fall_behind()

    def wake(self) -> None:
        """Have `next` return."""
        self._wake.set()

    def _check_continuity(self) -> None:
        if self.position.epoch != self._log.epoch:
            raise Discontinued("the log was lost and made anew")
        if self._log.filled is not None and self._log.filled.covers(self.position.sequence):
            raise Discontinued("the log has lost its latest events")
        if self._missed:
            raise Discontinued("events were lost on their way here, and found out too late")

    async def _history(self) -> list[Frame]:
        self._behind = False  # before reading: what arrives from here on is kept, and what is lost is noticed again
        try:
            page = await self._log.replayer.page(self._feed.subject, start=self.position.sequence + 1)
        except BaseException:
            self._behind = True
            raise
        self._behind = self._behind or page.more
        if page.records:
            self._complete = max(self._complete, page.records[-1].sequence)
        return self._advance([frame for record in page.records if (frame := encode_frame(record, self._log.epoch))])

    def _drain(self) -> list[Frame]:
        frames = [frame for frame in self._live if frame.sequence > self.position.sequence]
        self._live.clear()
        self._live_bytes = 0
        return self._advance(frames)

    def _advance(self, frames: list[Frame]) -> list[Frame]:
        if frames:
            self.position = self.position._replace(sequence=frames[-1].sequence)
        return frames


class Feed:
    """One subject that somebody follows."""

    def __init__(self, hub: Hub, log: Log, subject: str) -> None:
        self.subject = subject
        self.followers: set[Follower] = set()
        self.live = True  # not between a disconnect and the catching up: what arrives then follows a gap
        self.opened = asyncio.create_task(self._open(), name="open a feed")
        self._hub = hub
        self._log = log
        self._subscription: Subscription | None = None
        self._compared = 0  # sequence up to which nothing is missing
        self._heard: set[int] = set()  # sequences that arrived since

    def on_record(self, record: Record) -> None:
        """Give a live record to every follower."""
        if len(self._heard) == UNCOMPARED_MAX:
            self._compared = max(self._heard)
            self._heard.clear()
        self._heard.add(record.sequence)
        before = int(record.headers.get(subjects.LAST_SEQUENCE, 0))  # of the same task's events of the same name
        if before > self._compared and before not in self._heard:
            self._heard.add(before)
            self._repair(before)
        frame = encode_frame(record, self._log.epoch) if self.live else None
        if frame is not None:
            for follower in self.followers:
                follower.offer(frame)

    def fall_behind(self) -> None:
        """Have every follower read history again."""
        for follower in self.followers:
            follower.fall_behind()

    def leave(self, follower: Follower) -> None:
        """Let a follower go; the last one closes the feed."""
        self.followers.discard(follower)
        if not self.followers:
            self._hub.abandon(self)

    async def compare(self) -> None:
        """Compare what arrived with what the log has, and repair what is missing.

        Raises:
            LogUnavailable: the log does not answer.
        """
        more = self._subscription is not None
        pages = 0
        while more and pages < COMPARE_PAGES_MAX:
            more = await self._compare_page()
            pages += 1

    async def _compare_page(self) -> bool:
        """Compare the next page of the log; whether there is another."""
        assert self._subscription is not None
        records, more = await self._log.replayer.page(self.subject, start=self._compared + 1)
        await heard_all(self._log.connection, self._subscription)
        for each in records:
            if each.sequence > self._compared and each.sequence not in self._heard:
                self._repair(each.sequence)
        if records:
            self._compared = max(self._compared, records[-1].sequence)
            self._heard = {sequence for sequence in self._heard if sequence > self._compared}
        return more

    async def close(self) -> None:
        """Unsubscribe."""
        await asyncio.wait({self.opened})
        if self._subscription is not None and not self._log.connection.is_closed:
            await self._subscription.unsubscribe()

    def _repair(self, missing: int) -> None:
        log.warning("a live event was lost; repairing from the log", sequence=missing)
        for follower in self.followers:
            follower.repair(missing)

    async def _open(self) -> None:
        self._subscription = await listen(self._log.connection, self.subject, self.on_record)
        self._compared = (await self._log.refresh()).last_sequence


class Hub:
    """All feeds of one API process."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._feeds: dict[str, Feed] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.draining = False
        log.on_disconnect(self._on_disconnect)
        log.on_reconnect(self._on_reconnect)

    async def follow(self, subject: str, after: Position) -> Follower:
        """Join a feed.

        Args:
            subject: A log subject, wildcards allowed.
            after: The last position the client has.

        Raises:
            LogUnavailable: the log does not answer.
        """
        feed = self._feeds.get(subject)
        if feed is None:
            feed = self._feeds[subject] = Feed(self, self._log, subject)
        follower = Follower(feed, self._log, after)
        feed.followers.add(follower)
        try:
            await asyncio.shield(feed.opened)
        except BaseException:
            follower.close()
            raise
        return follower

    async def watch(self) -> None:
        """Compare the feeds with the log, for ever: a live message can be lost without any sign of it."""
        while True:
            await asyncio.sleep(COMPARE_SECONDS)
            for feed in list(self._feeds.values()):
                try:
                    await feed.compare()
                except LogUnavailable as error:
                    log.warning("could not compare a feed with the log", error=error.message)
                    break

    def drain(self) -> None:
        """Tell every follower that it is time to end."""
        self.draining = True
        for feed in self._feeds.values():
            for follower in feed.followers:
                follower.wake()

    @property
    def followers(self) -> int:
        """Open streams."""
        return sum(len(feed.followers) for feed in self._feeds.values())

    @property
    def feeds(self) -> int:
        """Subjects subscribed to."""
        return len(self._feeds)

    def abandon(self, feed: Feed) -> None:
        """Close a feed that nobody follows any more."""
        if self._feeds.get(feed.subject) is feed:
            del self._feeds[feed.subject]
            closing = asyncio.create_task(feed.close(), name="close a feed")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    def _on_disconnect(self) -> None:
        for feed in self._feeds.values():
            feed.live = False

    async def _on_reconnect(self) -> None:
        for feed in self._feeds.values():
            feed.live = True
            feed.fall_behind()
