"""Open event streams: how they are sent, and when they end although nothing has ended.

A client that takes nothing for a while is cut off: it resumes from its cursor. So is every client now and then, so that
streams spread over the processes there are; and each when its credentials end, or the process does. All but the first are
told when to come back.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from time import time
from typing import Any

from litestar import Request, Response
from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from headrace.api.edge.server_send import server_send
from headrace.api.streaming.frames import Frame
from headrace.api.streaming.metrics import Metrics
from headrace.telemetry import get_logger

HEARTBEAT_SECONDS = 15.0  # proxies close what is silent for 30 to 60 s
LIFETIME_SECONDS = 600.0  # after that a client comes back, to whichever process is there then
LIFETIME_JITTER = 0.2  # of it: those that came together are not to leave together
STALLED_SECONDS = 30.0  # a client that has taken nothing for so long is not reading
SLOW_SECONDS = 1.0  # a client that took so long for a chunk is slow: what it may miss it is not kept waiting for
RETRY_MILLISECONDS = (200, 5000)  # the clients of a server that goes away come back spread over this span
LOOK_SECONDS = 1.0  # how often streams are looked at
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # nginx would hold events back without the second

log = get_logger(__name__)

Chunks = Callable[["OpenStream"], AsyncGenerator[bytes]]


class OpenStream:
    """A stream that a client has open.

    Attributes:
        why: Why it ends, once it does; see `headrace.api.streaming.metrics.ENDS`.
        is_cut: Whether it was ended without a word.
        wake: Has whatever the stream waits for return.
    """

    __slots__ = (
        "_began",
        "_credentials_end",
        "_ends_at",
        "_loop",
        "_metrics",
        "_task",
        "_took",
        "is_cut",
        "wake",
        "why",
    )

    def __init__(self, metrics: Metrics, credentials_end: float | None) -> None:
        self.why = ""
        self.is_cut = False
        self.wake: Callable[[], None] = _nothing
        self._metrics = metrics
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.current_task(self._loop)
        self._began = -1.0  # when the chunk that is being sent was begun; negative: when the last one was taken
        self._took = 0.0
        self._credentials_end = credentials_end
        lifetime = LIFETIME_SECONDS * random.uniform(1 - LIFETIME_JITTER, 1)  # noqa: S311 - spreads load, hides nothing
        self._ends_at = self._loop.time() + lifetime

    @property
    def over(self) -> bool:
        """Whether it has to end now."""
        if not self.why:
            if self._credentials_end is not None and time() >= self._credentials_end:
                self.why = "credentials"
            elif self._loop.time() >= self._ends_at:
                self.why = "lifetime"
        return bool(self.why)

    @property
    def slow(self) -> bool:
        """Whether the client took its time for the last chunk."""
        return self._took > SLOW_SECONDS

    def end(self, why: str) -> None:
        """Have it end, with a word to the client."""
        self.why = self.why or why
        self.wake()

    def cut(self, why: str) -> None:
        """End it at once: the client has gone, or takes nothing."""
        self.why = self.why or why
        if self._task is not None and not self.is_cut:
            self.is_cut = True
            self._task.cancel()

    def carries(self, frames: list[Frame]) -> None:
        """Take note of the events that are about to be sent."""
        self._metrics.sent(max(0.0, time() - frames[0].at))

    def sends(self) -> None:
        """A chunk is handed to the server."""
        self._began = self._loop.time()

    def sent(self) -> None:
        """The server took it."""
        now = self._loop.time()
        self._took = now - self._began
        self._began = -now

    def look(self, now: float) -> None:
        """See whether it needs anything."""
        if self._began > 0:
            if now - self._began > STALLED_SECONDS:
                log.info("a client takes nothing; its stream is cut off, it may resume", seconds=STALLED_SECONDS)
                self.cut("slow")
        elif now + self._began >= HEARTBEAT_SECONDS or self.over:
            self.wake()


class Streams:
    """The open streams of this process."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self.draining = False
        self._open: set[OpenStream] = set()

    def __len__(self) -> int:
        return len(self._open)

    def opened(self, credentials_end: float | None) -> OpenStream:
        """A client begins to read; the current task sends to it."""
        stream = OpenStream(self.metrics, credentials_end)
        self._open.add(stream)
        if self.draining:
            stream.end("drain")
        return stream

    def closed(self, stream: OpenStream) -> None:
        """It is over."""
        self._open.discard(stream)
        self.metrics.ends[stream.why or "finished"] += 1

    async def watch(self) -> None:
        """Look after them, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            for stream in list(self._open):
                stream.look(loop.time())

    def drain(self) -> None:
        """Have all of them end."""
        self.draining = True
        for stream in list(self._open):
            stream.end("drain")


def retry() -> bytes:
    """When to come back."""
    return b"retry: %d\n\n" % random.randint(*RETRY_MILLISECONDS)  # noqa: S311 - spreads load, hides nothing


class EventStream(Response[bytes]):
    """A response of server-sent events.

    Args:
        streams: Where it is looked after.
        chunks: Makes what is sent.
        credentials_end: When the client is no longer to see it, in seconds since 1970.
        headers: More of them.
    """

    def __init__(
        self,
        streams: Streams,
        chunks: Chunks,
        *,
        credentials_end: float | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(b"", media_type="text/event-stream", headers={**HEADERS, **(headers or {})})
        self._streams = streams
        self._chunks = chunks
        self._credentials_end = credentials_end

    def to_asgi_response(self, app: Any, request: Request[Any, Any, Any], **options: Any) -> ASGIResponse:
        """As Litestar asks for it."""
        headers: dict[str, Any] = {**self.headers, **(options.get("headers") or {})}
        sending = _Sending(headers=headers, media_type=self.media_type, status_code=200)
        sending.prepare(self._streams, self._chunks, self._credentials_end)
        return sending


class _Sending(ASGIResponse):
    """Sends chunk by chunk, in the one task that the request has; Litestar's own takes two more, and a scope."""

    __slots__ = ("_chunks", "_credentials_end", "_streams")

    _should_set_content_length = False

    def prepare(self, streams: Streams, chunks: Chunks, credentials_end: float | None) -> None:
        self._streams = streams
        self._chunks = chunks
        self._credentials_end = credentials_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self.start_response(send)
        await self.send_body(server_send(scope, send), receive)

    async def send_body(self, send: Send, receive: Receive) -> None:
        task = asyncio.current_task()
        stream = self._streams.opened(self._credentials_end)
        leaving = asyncio.ensure_future(_until_gone(receive))
        leaving.add_done_callback(lambda ended: ended.cancelled() or stream.cut("left"))
        chunks = self._chunks(stream)
        try:
            async for chunk in chunks:
                stream.sends()
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                stream.sent()
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except asyncio.CancelledError:
            if not stream.is_cut or task is None or task.uncancel() > 0:
                raise  # not ours
        finally:
            leaving.cancel()
            self._streams.closed(stream)
            await chunks.aclose()


async def _until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _nothing() -> None:
    pass
