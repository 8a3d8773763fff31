"""The open event streams of this process, and when each has to end although its task or batch goes on.

A stream is cut off when its client takes nothing for a while; the client resumes from its cursor. Every stream ends now and then,
so that streams spread over the processes that there are. A stream also ends when the credential or the link of its client expires
or is revoked, when the account is disabled, and when the process is told to stop. In all of these cases but the first, the client
is told when to come back, and with which reason its right to see the stream has ended.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable
from time import time

from litestar.types import HTTPResponseBodyEvent, Send

from headrace.api.edge.server_send import is_taken
from headrace.api.streaming.frames import Frame, bye_frame, retry_frame
from headrace.api.streaming.metrics import StreamMetrics
from headrace.api.streaming.places import Places
from headrace.api.streaming.viewer import Viewer
from headrace.contracts.frames import ByeReason
from headrace.identity.revocations import Change
from headrace.telemetry import get_logger

HEARTBEAT_SECONDS = 15.0  # proxies close connections that are silent for 30 to 60 s
LIFETIME_SECONDS = 600.0  # after that a client comes back, to any process that there is then
LIFETIME_JITTER = 0.2  # of the lifetime, so that clients that came together do not leave together
STALLED_SECONDS = 30.0  # a client that has taken nothing for so long is not reading
SLOW_SECONDS = 1.0  # a client that took so long for a chunk is slow: progress that it may miss is left out
CHECK_SECONDS = 1.0  # between two checks of every stream

log = get_logger(__name__)


class OpenStream:
    """A stream that a client has open. It is made in the task that sends to the client.

    Args:
        metrics: The counters of this process.
        wake: Makes the source of the stream go on, even with nothing to send.
        viewer: Whom the stream is for.
        send: Sends a message to the client.

    Attributes:
        viewer: Whom the stream is for.
        end_reason: Why the stream ends, once it does; see `headrace.api.streaming.metrics.ENDS`.
        is_beat_due: Whether the client was sent neither an event nor another sign of life for `HEARTBEAT_SECONDS`.
        is_cut: Whether the stream was ended without telling the client.
        wake: Makes the source of the stream go on.
    """

    __slots__ = (
        "_bye",
        "_ends_at",
        "_has_hints_alone",
        "_loop",
        "_metrics",
        "_send",
        "_spoke_at",
        "_task",
        "_write_seconds",
        "_write_started_at",
        "_writing",
        "end_reason",
        "is_beat_due",
        "is_cut",
        "viewer",
        "wake",
    )

    def __init__(
        self, metrics: StreamMetrics, wake: Callable[[], None], viewer: Viewer, send: Send | None = None
    ) -> None:
        self.viewer = viewer
        self.end_reason = ""
        self.is_beat_due = False
        self.is_cut = False
        self.wake = wake
        self._bye: ByeReason | None = None
        self._has_hints_alone = False
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task(self._loop)
        self._send = send
        # A write that the server has not taken yet, and that nothing waits for yet.
        self._writing: Awaitable[None] | None = None
        self._write_started_at: float | None = None
        self._spoke_at = 0.0
        self._write_seconds = 0.0
        lifetime = LIFETIME_SECONDS * random.uniform(1 - LIFETIME_JITTER, 1)  # noqa: S311 - spreads load, hides nothing
        self._ends_at = self._loop.time() + lifetime

    @property
    def must_end(self) -> bool:
        """Whether the stream has to end now."""
        if not self.end_reason:
            if self.viewer.until is not None and time() >= self.viewer.until:
                self.end_reason, self._bye = "credentials", ByeReason.EXPIRED
            elif self._loop.time() >= self._ends_at:
                self.end_reason = "lifetime"
        return bool(self.end_reason)

    @property
    def is_slow(self) -> bool:
        """Whether the client took long for the last chunk."""
        return self._write_seconds > SLOW_SECONDS

    def end(self, reason: str) -> None:
        """Have the stream end. The client is told when to come back."""
        self.end_reason = self.end_reason or reason
        self.wake()

    def say_bye(self, reason: ByeReason) -> None:
        """Have the stream end, because its client may not see it any more. The client is told the reason."""
        self._bye = self._bye or reason
        self.end("credentials")

    def last_words(self) -> bytes:
        """Return what the client is sent last: why it may not see the stream any more, if so, and when to come back."""
        return (b"" if self._bye is None else bye_frame(self._bye)) + retry_frame()

    def cut(self, reason: str) -> None:
        """End the stream at once, because the client has gone or takes nothing."""
        self.end_reason = self.end_reason or reason
        if self._task is not None and not self.is_cut:
            self.is_cut = True
            self._task.cancel()

    def record_delay(self, frames: list[Frame]) -> None:
        """Record how old the oldest of these events is, which are about to be sent."""
        self._metrics.delays.record(max(0.0, time() - frames[0].at))

    def note_hints_alone(self) -> None:
        """Note that the next chunk has nothing but hints, which tell the client no position."""
        self._has_hints_alone = True

    def write_started(self) -> None:
        """Note that a chunk is given to the server."""
        self._write_started_at = self._loop.time()

    def write_finished(self) -> None:
        """Note that the server has taken the chunk."""
        now = self._loop.time()
        self._write_seconds = now - (self._write_started_at or now)
        self._write_started_at = None
        if self._has_hints_alone:
            self._has_hints_alone = False
        else:
            self._spoke_at, self.is_beat_due = now, False

    def write_nowait(self, message: HTTPResponseBodyEvent) -> bool:
        """Send a message while the stream's task waits for something to send.

        Returns:
            False when it was not sent, since the stream has to end, or its client is slow or has not taken what came before.
        """
        if self._send is None or self._write_started_at is not None or self.is_slow or self.must_end:
            return False
        self.write_started()
        writing = self._send(message)
        if is_taken(writing):
            self.write_finished()
        else:
            self._writing = writing
            self.wake()
        return True

    async def drain(self) -> None:
        """Return when the server has taken what `write_nowait` has sent."""
        if self._writing is not None:
            writing, self._writing = self._writing, None
            await writing
            self.write_finished()

    def check(self, now: float) -> None:
        """Cut the stream off when its client takes nothing; wake it when it must end or has said too little for too long."""
        if self._write_started_at is not None:
            if now - self._write_started_at > STALLED_SECONDS:
                log.info("a client takes nothing; its stream is cut off, it may resume", seconds=STALLED_SECONDS)
                self.cut("slow")
        elif now - self._spoke_at >= HEARTBEAT_SECONDS or self.must_end:
            self.is_beat_due = True
            self.wake()


class OpenStreams:
    """The open streams of this process.

    Args:
        metrics: The counters of this process.
        why_not: Returns what is known to have taken away a viewer's right to see a stream; None when nothing is.
        places: The places that accounts have for streams; without a limit by default.

    Attributes:
        places: As given.
        draining: Whether the process is told to stop.
    """

    def __init__(
        self,
        metrics: StreamMetrics,
        why_not: Callable[[Viewer], ByeReason | None] = lambda _: None,
        places: Places | None = None,
    ) -> None:
        self.metrics = metrics
        self.places = places or Places()
        self.draining = False
        self._why_not = why_not
        self._open: set[OpenStream] = set()

    def __len__(self) -> int:
        return len(self._open)

    def add(self, wake: Callable[[], None], viewer: Viewer, send: Send | None = None) -> OpenStream:
        """Open a stream that the current task sends to a client. See `OpenStream` for the arguments."""
        stream = OpenStream(self.metrics, wake, viewer, send)
        self._open.add(stream)
        if self.draining:
            stream.end("drain")
        elif (reason := self._why_not(viewer)) is not None:
            # The credential was revoked while the stream was being opened.
            stream.say_bye(reason)
        return stream

    def remove(self, stream: OpenStream) -> None:
        """Count a stream that has ended."""
        self._open.discard(stream)
        self.metrics.ends[stream.end_reason or "finished"] += 1

    def on_change(self, change: Change) -> None:
        """End the streams of those who may not see them any more. Nothing is sent to them from now on."""
        for stream in list(self._open):
            if (reason := stream.viewer.why_ended_by(change)) is not None:
                stream.say_bye(reason)

    async def watch(self) -> None:
        """Check every stream each second, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            self._check_all(loop.time())

    def drain(self) -> None:
        """Have every stream end."""
        self.draining = True
        for stream in list(self._open):
            stream.end("drain")

    def _check_all(self, now: float) -> None:
        # A function of its own, whose names end with it: a watch that still named a stream would keep it in memory.
        for stream in list(self._open):
            stream.check(now)
