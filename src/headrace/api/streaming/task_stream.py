"""The stream of task events that one client receives: all events of its follower, and, for a single task, an end.

The stream of a single task ends after `finished`, unless the task was run again. What a lost worker still appends after that
does not matter.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from enum import Enum

from headrace.api.hints.buffer import HintBuffer
from headrace.api.streaming.fan_out import News
from headrace.api.streaming.follower import Discontinued, Follower
from headrace.api.streaming.frames import Frame, beat_frame, reset_frame, retry_frame
from headrace.api.streaming.metrics import StreamMetrics
from headrace.api.streaming.open_streams import OpenStream
from headrace.api.streaming.opening import end_of
from headrace.contracts.events import EventName
from headrace.contracts.positions import Position
from headrace.errors import LogUnavailable
from headrace.lifecycle.task_state import TaskState
from headrace.log.connection import Log
from headrace.telemetry import get_logger

log = get_logger(__name__)

ReadTaskState = Callable[[], Awaitable[TaskState | None]]


class Seen(Enum):
    """What the events of a single task, as far as they were sent, say about its end."""

    NO_FINISH = "the task has not finished"
    FINISH = "the task has finished"
    REOPENING = "the task has finished, and was queued again since"


class TaskStream:
    """Generates what one client is sent.

    Args:
        log: The log.
        metrics: The counters of this process.
        follower: Gives the events.
        opening: The first bytes.
        read_state: Reads the state of the task from the log; None for a stream of many tasks, which has no end.
        hints: The hints that the stream sends besides; None for none.
    """

    def __init__(
        self,
        log: Log,
        metrics: StreamMetrics,
        follower: Follower,
        opening: bytes,
        read_state: ReadTaskState | None = None,
        hints: HintBuffer | None = None,
    ) -> None:
        self._log = log
        self._metrics = metrics
        self._follower = follower
        self._opening = opening
        self._read_state = read_state
        self._hints = hints
        self._seen = Seen.NO_FINISH
        self._is_done = False

    async def chunks(self, stream: OpenStream) -> AsyncGenerator[bytes]:
        """Generate the chunks of the stream, until the task is done or the stream must end."""
        self._follower.push = lambda news: self._push(news, stream)
        try:
            yield self._opening
            while not self._is_done and not stream.must_end:
                if stream.is_slow and not self._follower.thin_out():
                    stream.end("slow")
                    break
                try:
                    frames = await self._follower.next()
                except Discontinued as error:
                    yield await self._restart(error.reason)
                    self._is_done = await self._has_sent_the_end()
                    continue
                await stream.drain()
                # While it waited, the viewer may have lost the right to see what comes now.
                if stream.must_end:
                    break
                if chunk := self._join(frames, stream):
                    yield chunk
                if self._read_state is not None:
                    self._watch_for_finish(frames)
                if self._seen is not Seen.NO_FINISH and self._follower.caught_up:
                    self._is_done = self._seen is Seen.FINISH or (not frames and await self._has_sent_the_end())
            if not self._is_done:
                yield stream.last_words()
        except LogUnavailable as error:
            log.warning("a stream ends, its client will resume", error=error.message)
            stream.end_reason = "log"
            yield retry_frame()

    def wake(self) -> None:
        """Make `chunks` go on: the follower stops waiting for events."""
        self._follower.wake()

    def close(self) -> None:
        """Stop following the events."""
        if self._hints is not None:
            self._hints.close()
        self._follower.push = None
        self._follower.close()

    def _push(self, news: News, stream: OpenStream) -> bool:
        """Send news while `chunks` waits for them. Returns whether it has; if not, `chunks` has to go on."""
        may_end = self._read_state is not None and any(frame.event == EventName.FINISHED for frame in news.frames)
        return self._seen is Seen.NO_FINISH and not may_end and stream.write_nowait(news.message)

    async def _restart(self, reason: str) -> bytes:
        """Go on at the end of the log, and return the event that tells the client so."""
        end = end_of(await self._log.refresh())
        self._follower.restart(end)
        self._metrics.resumes["reset"] += 1
        return reset_frame(reason, end)

    def _join(self, frames: list[Frame], stream: OpenStream) -> bytes:
        """Return events and hints as one chunk, and a sign of life when one is due; nothing when there is nothing to say.

        What a slow client is sent are events, as long as there are some: its hints wait, of each the newest.
        """
        hints = b""
        if self._hints is not None and not (stream.is_slow and not self._follower.caught_up):
            hints = self._hints.take()
        if frames:
            stream.record_delay(frames)
            return b"".join([frame.encoded for frame in frames]) + hints
        if stream.is_beat_due:
            return hints + beat_frame(self._follower.position)
        if hints:
            stream.note_hints_alone()
        return hints

    def _watch_for_finish(self, frames: list[Frame]) -> None:
        """Note whether the task has finished, and whether it was queued again since."""
        for frame in frames:
            if frame.event == EventName.FINISHED:
                self._seen = Seen.FINISH
            elif self._seen is Seen.FINISH and frame.event in (EventName.QUEUED, EventName.DEFERRED):
                self._seen = Seen.REOPENING

    async def _has_sent_the_end(self) -> bool:
        """Return whether the task is over according to the log, and the client was given its end."""
        return self._read_state is not None and has_end_at(await self._read_state(), self._follower.position)


def has_end_at(state: TaskState | None, position: Position) -> bool:
    """Return whether a task is over, and its end stands at or before a position of this log."""
    return (
        state is not None
        and state.is_over
        and state.finish_record is not None
        and position.sequence >= state.finish_record.sequence
    )


class EndedStream:
    """The stream of a task whose end the client has: only the opening, which moves its cursor."""

    def __init__(self, opening: bytes) -> None:
        self._opening = opening

    async def chunks(self, _stream: OpenStream) -> AsyncGenerator[bytes]:
        """Generate the opening."""
        yield self._opening

    def wake(self) -> None:
        """Do nothing: this stream waits for nothing."""

    def close(self) -> None:
        """Do nothing: this stream follows nothing."""
