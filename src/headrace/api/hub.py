"""The hub: who follows what, live and without a gap or a repeat.

There is one core-NATS subscription per subject that somebody follows (a *feed*), shared by all its followers; the last one
out unsubscribes. Joining: subscribe → page the history after the cursor from the log → drop from what arrived meanwhile
what history already had → live.

The live feed is at most once. Whatever may have been lost on it (a reconnect, a follower's full buffer, a record that the
log has and the feed never saw) is repaired in one way: the follower goes back to history, from the last it was given.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

import msgspec

from headrace.contracts.events import EventName
from headrace.contracts.positions import Position
from headrace.errors import LogUnavailable
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.live import Subscription, listen
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.telemetry import get_logger

BUFFER_FRAMES_MAX = 1024  # a follower further behind goes back to history, which is in the log and not in our memory
BUFFER_BYTES_MAX = 4 << 20  # bytes, likewise
COMPARE_SECONDS = 5.0  # how often feeds are compared with the log

log = get_logger(__name__)


class Frame(NamedTuple):
    """An event as it is sent to a browser, encoded once for all of them."""

    sequence: int
    event: str
    encoded: bytes


class LogReplaced(Exception):
    """The log was lost and made anew while somebody followed it: positions of the old one mean nothing in it."""


class Follower:
    """One client's view of a feed: frames in log order, each once, after the position it joined at."""

    def __init__(self, feed: Feed, log: Log, after: Position) -> None:
        self.position = after  # of the last frame given out
        self._feed = feed
        self._log = log
        self._live: deque[Frame] = deque()
        self._live_bytes = 0
        self._behind = True  # whether history is to be read before anything live
        self._wake = asyncio.Event()

    async def next(self, patience: float) -> list[Frame]:
        """The next frames; empty when there was none within ``patience`` seconds, or the hub drains.

        Raises:
            LogUnavailable: history is needed, and the log cannot be read.
            LogReplaced: there is no history to continue; see `restart`.
        """
        if self.position.epoch != self._log.epoch:
            raise LogReplaced
        if not self._behind and not self._live:
            self._wake.clear()
            try:
                async with asyncio.timeout(patience):
                    await self._wake.wait()
            except TimeoutError:
                return []
        frames = await self._history() if self._behind else self._drain()
        if frames:
            self.position = self.position._replace(sequence=frames[-1].sequence)
        else:
            await asyncio.sleep(0)  # a caller that loops over nothing must not keep the event loop
        return frames

    def restart(self, after: Position) -> None:
        """Go on from somewhere else."""
        self.fall_behind()
        self.position = after

    def close(self) -> None:
        """Stop following. Does not wait: it is called where waiting is not possible, on a client's disconnect."""
        self._feed.leave(self)

    def offer(self, frame: Frame) -> None:
        """Take a live frame."""
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

    def wake(self) -> None:
        """Have `next` return."""
        self._wake.set()

    async def _history(self) -> list[Frame]:
        self._behind = False  # before reading: what is lost from here on is noticed again
        try:
            page = await self._log.replayer.page(self._feed.subject, start=self.position.sequence + 1)
        except LogUnavailable:
            self._behind = True
            raise
        self._behind = self._behind or page.more
        return [encode_frame(record, self._log.epoch) for record in page.records]

    def _drain(self) -> list[Frame]:
        frames = [frame for frame in self._live if frame.sequence > self.position.sequence]
        self._live.clear()
        self._live_bytes = 0
        return frames


class Feed:
    """One subject that somebody follows."""

    def __init__(self, hub: Hub, subject: str) -> None:
        self.subject = subject
        self.followers: set[Follower] = set()
        self.heard = 0  # sequence of the newest record that is known to have arrived
        self.subscription: Subscription | None = None
        self.ready = asyncio.Event()
        self._hub = hub

    def on_record(self, record: Record) -> None:
        """Give a live record to every follower."""
        self.heard = record.sequence
        frame = encode_frame(record, self._hub.epoch)
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


class Hub:
    """All feeds of one API process."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self._feeds: dict[str, Feed] = {}
        self._closing: set[asyncio.Task[None]] = set()
        self.draining = False
        log.on_reconnect(self._on_reconnect)

    @property
    def epoch(self) -> int:
        """The log's epoch."""
        return self._log.epoch

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
            feed = self._feeds[subject] = Feed(self, subject)
        follower = Follower(feed, self._log, after)
        feed.followers.add(follower)
        try:
            if feed.subscription is None:
                await self._open(feed)
            await feed.ready.wait()
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
                    await self._compare(feed)
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
        if feed.subscription is not None:
            closing = asyncio.create_task(self._unsubscribe(feed.subscription), name="unsubscribe")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def _open(self, feed: Feed) -> None:
        feed.subscription = await listen(self._log.connection, feed.subject, feed.on_record)
        state = await self._log.refresh()
        feed.heard = max(feed.heard, state.last_sequence)
        feed.ready.set()

    async def _unsubscribe(self, subscription: Subscription) -> None:
        if not self._log.connection.is_closed:
            await subscription.unsubscribe()

    async def _on_reconnect(self) -> None:
        await self._log.refresh()
        for feed in self._feeds.values():
            feed.fall_behind()

    async def _compare(self, feed: Feed) -> None:
        if not feed.ready.is_set():
            return
        page = await self._log.replayer.page(feed.subject, start=feed.heard + 1, records=1)
        if page.records and page.records[0].sequence > feed.heard:
            log.warning("a live event was lost; repairing from the log", sequence=page.records[0].sequence)
            feed.heard = page.records[0].sequence
            feed.fall_behind()


_fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_encode = msgspec.json.Encoder().encode


def encode_frame(record: Record, epoch: int) -> Frame:
    """An event as a server-sent event."""
    subject = TaskSubject.parse(record.subject)
    payload = record.payload
    if subject.event in (EventName.QUEUED, EventName.DEFERRED):  # the input may be large, and whoever follows sent it
        fields = _fields_decoder.decode(payload)
        fields.pop("input", None)
        payload = _encode(fields)
    if b"\n" in payload or b"\r" in payload:  # pretty JSON from a foreign worker; a data line ends at a line break
        payload = payload.replace(b"\r", b" ").replace(b"\n", b" ")
    batch = record.headers.get(subjects.BATCH)
    head = (
        f'id: {epoch}-{record.sequence}\nevent: {subject.event}\ndata: {{"task":"{subject.task}","kind":"{subject.kind}",'
        f'"batch":{_encode(batch).decode()},"at":"{record.at.isoformat(timespec="microseconds")[:26]}Z",'
    )
    return Frame(record.sequence, subject.event, head.encode() + payload[1:] + b"\n\n")
