"""A stream that is being sent: what says it, and the client that takes it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from types import SimpleNamespace
from typing import Any

from headrace.api.streaming.open_streams import OpenStream, OpenStreams
from headrace.api.streaming.response import StreamResponse
from headrace.api.streaming.viewer import Viewer

PATIENCE_SECONDS = 5.0

Said = dict[str, Any]

ANYBODY = Viewer("somebody")


class Source:
    """What a stream says: what it is told to, one at a time, and a word about coming back when it has to end."""

    def __init__(self) -> None:
        self.stream: OpenStream | None = None
        self.wakes = 0
        self.closed = asyncio.Event()
        self._next: asyncio.Queue[bytes | Exception | None] = asyncio.Queue()

    def says(self, *chunks: bytes | Exception | None) -> None:
        """None for an end of its own."""
        for chunk in chunks:
            self._next.put_nowait(chunk)

    async def chunks(self, stream: OpenStream) -> AsyncGenerator[bytes]:
        self.stream = stream
        while not stream.must_end:
            chunk = await self._next.get()
            if chunk is None:
                return
            if isinstance(chunk, Exception):
                raise chunk
            if chunk:
                yield chunk
        yield stream.last_words()

    def close(self) -> None:
        assert not self.closed.is_set()
        self.closed.set()

    def wake(self) -> None:
        self.wakes += 1
        self._next.put_nowait(b"")


class Client:
    """The server's side of a client: takes what is sent, unless it is told not to, and may leave."""

    def __init__(self) -> None:
        self.said: list[Said] = []
        self.takes = asyncio.Event()
        self.takes.set()
        self.offered = asyncio.Event()
        self.fails: Exception | None = None
        self._left = asyncio.Event()

    def leave(self) -> None:
        self._left.set()

    @property
    def status(self) -> int:
        return self.said[0]["status"]

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.said[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(each["body"] for each in self.said[1:])

    @property
    def ended(self) -> bool:
        """Whether the response came to its own end."""
        return len(self.said) > 1 and not self.said[-1]["more_body"]

    async def receive(self) -> Any:
        if not self._left.is_set():
            await self._left.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Any) -> None:
        if message["type"] == "http.response.body":
            self.offered.set()
            if self.fails is not None:
                raise self.fails
            await self.takes.wait()
        self.said.append(message)


class Served:
    """A stream that is being sent to a client."""

    def __init__(self, streams: OpenStreams, viewer: Viewer = ANYBODY) -> None:
        self.streams = streams
        self.source = Source()
        self.client = Client()
        response = StreamResponse(streams, self.source, viewer, headers={"X-More": "1"})
        asgi: Any = response.to_asgi_response(None, SimpleNamespace())  # type: ignore[arg-type]
        scope: Any = {"type": "http", "method": "GET", "state": {}}
        self.sending = asyncio.create_task(asgi(scope, self.client.receive, self.client.send))

    async def took(self, body: bytes) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.client.body != body:
                await asyncio.sleep(0)

    async def over(self) -> None:
        """Return when nothing of it is left."""
        await asyncio.wait({self.sending}, timeout=PATIENCE_SECONDS)
        assert not self.sending.cancelled()
        self.sending.result()
        assert self.source.closed.is_set()
        assert len(self.streams) == 0

    @property
    def stream(self) -> OpenStream:
        assert self.source.stream is not None
        return self.source.stream
