"""A feed: the newest events of one log subject, in log order and in one form, shared by all who follow the subject in it.

NATS delivers the live feed at most once and does not say what it lost, so the log decides. A live event is taken directly only
when its position is the next one, since no other event can stand before it. Any other live event is a hint that the log has
more, and the feed reads the log from where it stands: page by page, one read at a time. A lost event shows when the next event
arrives, or else when the hub compares the feed with the log. Nothing is given out before what stands before it in the log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

from headrace.api.streaming.fan_out import FanOut
from headrace.api.streaming.forms import FULL, FrameForm
from headrace.api.streaming.frame_buffer import FrameBuffer
from headrace.api.streaming.frames import Frame
from headrace.api.streaming.metrics import StreamMetrics
from headrace.contracts.positions import Position
from headrace.errors import LogUnavailable
from headrace.log.agreed import is_all
from headrace.log.connection import Log
from headrace.log.live import Subscription
from headrace.log.records import Record
from headrace.log.replay import Page
from headrace.telemetry import get_logger

JOIN_POSITIONS_MAX = 10_000  # positions before the end of the log, from which a new feed reads into memory for all
RETRY_SECONDS = 0.25  # between two attempts to read a log that is away
HISTORY_KEEP_SECONDS = 1.0  # for which a page of history is kept for others who may ask for the same
HISTORY_PAGES_MAX = 8  # pages of a feed that are kept at a time
REPLICA_POLL_SECONDS = 0.02  # a replica may lag behind the server that published an event
REPLICA_POLLS_MAX = 50  # then the event has been withdrawn

log = get_logger(__name__)


class HistoryPage(NamedTuple):
    """A page of a feed's history.

    Attributes:
        frames: The events of the page, in log order.
        complete_through: Every event of the feed up to this sequence is in this page or in one before it.
    """

    frames: list[Frame]
    complete_through: int


class Feed:
    """One subject that is followed in one form: one core-NATS subscription, and the newest events in memory.

    Attributes:
        is_of_one_task: Whether the subject is that of one task, whose events leave the log together.
        form: The form of the events.
        buffer: The newest events.
        fan_out: All who follow.
        epoch: The epoch of the log that these events are from.
        newest: The last sequence of the log that may belong to this feed, as far as is known.
        compared_at: When the feed was last compared with the log, by the event loop's clock.
        opened: The task that subscribes and finds the end of the log.
    """

    def __init__(self, log: Log, subject: str, metrics: StreamMetrics, after: Position, form: FrameForm = FULL) -> None:
        self.subject = subject
        self.is_of_one_task = not subject.endswith("*")
        self.form = form
        self.epoch = log.epoch
        self.buffer = FrameBuffer(0)
        self.fan_out = FanOut(metrics)
        self.newest = 0
        self.compared_at = asyncio.get_running_loop().time()
        self.opened = asyncio.create_task(self._open(after), name="open a feed")
        self._log = log
        self._metrics = metrics
        # False between a disconnect and the catching up that follows the reconnect.
        self._live = True
        self._histories: dict[int, asyncio.Task[HistoryPage]] = {}
        self._reading: asyncio.Task[None] | None = None
        self._subscription: Subscription | None = None

    async def _open(self, after: Position) -> None:
        """Subscribe, then find the end of the log: an event is either heard live or stands before that end."""
        self._subscription = await self._log.live.listen(self.subject, self.on_record)
        state = await self._log.refresh()
        is_near = after.epoch == state.epoch and after.sequence >= max(
            state.last_sequence - JOIN_POSITIONS_MAX, state.complete_from - 1
        )
        self.epoch = state.epoch
        self.buffer = FrameBuffer(min(after.sequence, state.last_sequence) if is_near else state.last_sequence)
        self.newest = max(self.newest, state.last_sequence)

    def on_record(self, record: Record) -> None:
        """Take a live event when it is the next one; else read the log."""
        self._metrics.events_in += 1
        self.check_epoch()
        is_next = self.buffer.complete_through == record.sequence - 1
        if is_next and self._live and self._reading is None and self.opened.done():
            self._add((record,), record.sequence)
        else:
            self.read_up_to(record.sequence)

    def _add(self, records: Sequence[Record], complete_through: int) -> None:
        """Encode events once, keep them for all who follow, and tell these."""
        frames, before = self._encode_records(records), self.buffer.complete_through
        self.buffer.extend(frames, complete_through)
        self.newest = max(self.newest, complete_through)
        if self.epoch == self._log.epoch and not (self._log.filled and self._log.filled.covers(before)):
            after, position = (Position(self.epoch, each) for each in (before, self.buffer.complete_through))
            self.fan_out.tell(frames, after, position)
        else:
            # Whoever has everything up to here cannot go on, and says so to its client.
            self.fan_out.wake()

    def _encode_records(self, records: Sequence[Record]) -> list[Frame]:
        encode, epoch = self.form.encode, self._log.epoch
        if self.form.left_out:
            records = [record for record in records if self.form.has(record)]
        frames = [frame for record in records if (frame := encode(record, epoch)) is not None]
        self._metrics.unreadable += len(records) - len(frames)
        return frames

    def read_up_to(self, sequence: int) -> None:
        """Have the log read up to a sequence that may be an event of this feed, unless the buffer is complete up to it."""
        self.newest = max(self.newest, sequence)
        if self.newest > self.buffer.complete_through and self._reading is None and self.opened.done():
            self._reading = asyncio.create_task(self._read_new(), name="read what is new")

    async def _read_new(self) -> None:
        """Read the log until the buffer is complete. Events that arrive meanwhile are read as well."""
        try:
            while self.buffer.complete_through < self.newest and self._live:
                known, buffer = self.newest, self.buffer
                try:
                    page = await self._read_page(buffer.complete_through + 1, known)
                except LogUnavailable as error:
                    log.warning("could not read what is new", error=error.message)
                    await asyncio.sleep(RETRY_SECONDS)
                    continue
                # The page belongs to a log that was lost when the buffer was replaced meanwhile.
                if buffer is self.buffer:
                    self._add(page.records, _complete_through(page, known))
        finally:
            if self._reading is asyncio.current_task():
                self._reading = None

    def _stop_reading(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            self._reading = None

    async def read_history(self, after: int) -> HistoryPage:
        """Read the events after a sequence from the log, a page of them.

        The page is shared with all who ask for the same within a second: when an API process goes away, all of its clients come
        back at once.

        Raises:
            LogUnavailable: JetStream does not answer.
        """
        reading = self._histories.get(after)
        if reading is None:
            reading = self._histories[after] = asyncio.create_task(self._read_history(after), name="read history")
            reading.add_done_callback(lambda read: self._keep_history(after, read))
        return await asyncio.shield(reading)

    async def _read_history(self, after: int) -> HistoryPage:
        known = self.buffer.complete_through
        page = await self._read_page(after + 1, known)
        return HistoryPage(self._encode_records(page.records), _complete_through(page, known))

    def _keep_history(self, after: int, read: asyncio.Task[HistoryPage]) -> None:
        """Keep a page for a moment, if it has events and there is room for it."""
        failed = read.cancelled() or read.exception() is not None
        if failed or not read.result().frames or len(self._histories) > HISTORY_PAGES_MAX:
            self._histories.pop(after, None)
        else:
            asyncio.get_running_loop().call_later(HISTORY_KEEP_SECONDS, self._histories.pop, after, None)

    async def _read_page(self, start: int, known: int) -> Page:
        """Read a page of this feed from the log. A last page has every event up to ``known``.

        Raises:
            LogUnavailable: JetStream does not answer, or the answering replica lags behind for too long.
        """
        for _ in range(REPLICA_POLLS_MAX):
            self._metrics.replays += 1
            page = await self._read_from(start, known)
            last = page.records[-1].sequence if page.records else start - 1
            if page.more or await is_all(self._log, self.subject, last, known):
                return page
            await asyncio.sleep(REPLICA_POLL_SECONDS)
        raise LogUnavailable("a copy of the log does not catch up with the others; try again in a moment")

    async def _read_from(self, start: int, known: int) -> Page:
        replayer = self._log.replayer
        if known - start > JOIN_POSITIONS_MAX:
            # Far from the end of the log, a search for more than there is takes NATS longer than to count what there is.
            return await replayer.sparse_page(self.subject, start=start, through=known)
        return await replayer.page(self.subject, start=start)

    async def is_empty(self) -> bool:
        """Whether the log has nothing of the subject.

        Raises:
            LogUnavailable: JetStream does not answer.
        """
        return await self._log.replayer.leading.last(self.subject) == 0

    async def compare_with_log(self, sequence: int) -> None:
        """Return when the buffer has every event up to a sequence that the log is known to have reached."""
        self.check_epoch()
        is_quiet, buffer, before = self._reading is None, self.buffer, self.buffer.complete_through
        self.read_up_to(sequence)
        if self._reading is not None:
            await asyncio.wait({self._reading})
        # While the log was being read, an event that had not arrived was not lost yet.
        found = [frame for frame in buffer.all_after(before) if frame.sequence <= sequence] if is_quiet else []
        if found and before >= buffer.floor:
            self._metrics.losses += 1
            log.warning("events were lost on their way here; they were read from the log", events=len(found))

    def check_epoch(self) -> None:
        """Begin again when the log was lost and made anew, which may happen without a disconnect."""
        if self.epoch != self._log.epoch and self.opened.done():
            self.restart()

    def restart(self) -> None:
        """Drop what was read, because the log is another one or has a gap. Each follower checks whether it can go on."""
        self._stop_reading()
        self._histories.clear()
        last = self._log.state.last_sequence
        self.newest = max(last, self.newest) if self.epoch == self._log.epoch else last
        self.epoch = self._log.epoch
        self.buffer = FrameBuffer(last)
        self.catch_up()

    def on_disconnect(self) -> None:
        """Take no live event directly until `catch_up`: it may follow a gap. A pending answer will not come any more."""
        self._live = False
        self._stop_reading()

    def catch_up(self) -> None:
        """Read what was missed while disconnected. Restart when a part of it may have left the log."""
        self._live = True
        if self.buffer.complete_through + 1 < self._log.state.complete_from:
            self.restart()
            return
        self.read_up_to(self._log.state.last_sequence)
        self.fan_out.wake()

    async def close(self) -> None:
        """Unsubscribe."""
        await asyncio.wait({self.opened})
        self._stop_reading()
        if self._subscription is not None:
            await self._subscription.close()


def _complete_through(page: Page, known: int) -> int:
    """Return up to which sequence a feed is complete after a page: its last event, or what was known when it is the last page."""
    last = page.records[-1].sequence if page.records else 0
    return last if page.more else max(last, known)
