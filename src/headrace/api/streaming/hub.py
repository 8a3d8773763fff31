"""The hub: every feed and every follower of one API process.

There is one core-NATS subscription for each subject that is followed and each form in which it is (a *feed*), shared by all its
followers; the last follower to leave ends it. A feed keeps its newest events, encoded once. A follower is a position in them, and reads history from the log
until it has come that far. Joining: subscribe → history after the cursor → what the feed has had since → live.

The hub also compares every feed with the log within ten seconds, because NATS may lose a live event without a sign.
"""

from __future__ import annotations

import asyncio

from headrace.api.streaming.feed import Feed
from headrace.api.streaming.follower import Follower, Turns, Wanted
from headrace.api.streaming.forms import FULL, FrameForm
from headrace.api.streaming.metrics import StreamMetrics
from headrace.contracts.positions import Position
from headrace.errors import LogUnavailable
from headrace.log.connection import Log
from headrace.repeated import RepeatedWarning
from headrace.telemetry import get_logger

CHECK_SECONDS = 1.0  # between two checks of the log's epoch and its end
COMPARE_SECONDS = 10.0  # within which every feed is compared with the log, a few feeds every second


class Hub:
    """All feeds of one API process.

    Attributes:
        draining: Whether the process is told to stop.
    """

    def __init__(self, log: Log, metrics: StreamMetrics | None = None) -> None:
        self.metrics = metrics or StreamMetrics()
        self.draining = False
        self._log = log
        self._turns = Turns()
        # By subject and the name of the form.
        self._feeds: dict[tuple[str, str], Feed] = {}
        self._followers: set[Follower] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._comparing = RepeatedWarning(
            get_logger(__name__),
            "could not compare what is followed with the log",
            "what is followed is compared with the log again",
        )
        log.on_disconnect(self._on_disconnect)
        log.on_reconnect(self._on_reconnect)

    async def follow(
        self, subject: str, after: Position, wanted: Wanted | None = None, form: FrameForm = FULL
    ) -> Follower:
        """Follow a subject.

        Args:
            subject: A log subject; wildcards are allowed.
            after: The last position that the client has.
            wanted: Selects events of the subject; None for all of them.
            form: The form in which the client wants the events.

        Raises:
            LogUnavailable: JetStream does not answer.
        """
        key = (subject, form.name)
        feed = self._feeds.get(key)
        if feed is None:
            feed = self._feeds[key] = Feed(self._log, subject, self.metrics, after, form)
        follower = Follower(feed, self._log, self._turns, self.metrics, after, wanted, self._on_close)
        self._followers.add(follower)
        feed.fan_out.join(follower.notify)
        try:
            await asyncio.shield(feed.opened)
        except BaseException:
            follower.close()
            raise
        feed.read_up_to(feed.newest)
        return follower

    def _on_close(self, follower: Follower) -> None:
        """Forget a follower that is closed, and its feed when that was the last one."""
        self._followers.discard(follower)
        feed = follower.feed
        feed.fan_out.leave(follower.notify)
        key = (feed.subject, feed.form.name)
        if not feed.fan_out and self._feeds.get(key) is feed:
            del self._feeds[key]
            closing = asyncio.create_task(feed.close(), name="close a feed")
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)

    async def watch(self) -> None:
        """Compare the feeds with the log, until cancelled."""
        loop = asyncio.get_running_loop()
        before, checked_at = 0, loop.time()
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            elapsed, checked_at = loop.time() - checked_at, loop.time()
            try:
                last = (await self._log.refresh()).last_sequence
                await self._compare_due(min(before, last), checked_at, elapsed)
            except LogUnavailable as error:
                self._comparing.note(error.message)
            else:
                self._comparing.end()
                before = last

    async def _compare_due(self, sequence: int, now: float, elapsed: float) -> None:
        """Compare the feeds that are due with the end that the log had one second ago: replicas have it by now."""
        for feed in self._feeds.values():
            feed.check_epoch()
        for feed in self._due(now, elapsed):
            feed.compared_at = asyncio.get_running_loop().time()
            await feed.compare_with_log(sequence)

    def _due(self, now: float, elapsed: float) -> list[Feed]:
        """Return as many feeds as were due in the elapsed time, so that each has its turn within `COMPARE_SECONDS`."""
        due = [feed for feed in self._feeds.values() if now - feed.compared_at >= COMPARE_SECONDS - CHECK_SECONDS]
        return sorted(due, key=lambda feed: feed.compared_at)[: int(len(self._feeds) * elapsed / COMPARE_SECONDS) + 1]

    async def compare_all(self) -> None:
        """Compare every feed with the log as it is now.

        Raises:
            LogUnavailable: JetStream does not answer.
        """
        last = (await self._log.refresh()).last_sequence
        for feed in list(self._feeds.values()):
            await feed.compare_with_log(last)

    def drain(self) -> None:
        """Wake every follower, so that what waits for it can end."""
        self.draining = True
        for follower in self._followers:
            follower.wake()

    @property
    def followers(self) -> int:
        """The number of followers."""
        return len(self._followers)

    @property
    def feeds(self) -> int:
        """The number of subscriptions to what is followed."""
        return len(self._feeds)

    def _on_disconnect(self) -> None:
        for feed in self._feeds.values():
            feed.on_disconnect()

    async def _on_reconnect(self) -> None:
        filled = self._log.filled
        for feed in self._feeds.values():
            feed.check_epoch()
            if filled is not None and filled.covers(feed.buffer.complete_through):
                feed.restart()
            else:
                feed.catch_up()
