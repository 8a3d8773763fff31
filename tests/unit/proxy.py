"""A network between a client and a server, which can hold things back and break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress


class Proxy:
    """Passes bytes on between whoever connects to `port` and a server."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.port = 0
        self._server: asyncio.Server | None = None
        self._answers = asyncio.Event()
        self._answers.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    async def listen(self) -> None:
        """Let clients in."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def go_down(self) -> None:
        """Break every connection and refuse new ones until `listen`."""
        assert self._server is not None
        self._server.close()
        self.cut()

    def hold_answers(self) -> None:
        """From now on nothing comes back from the server, as if it were on its way."""
        self._answers.clear()

    def cut(self) -> None:
        """Break every connection; what was held back is lost. New connections work again."""
        for writer in self._open:
            writer.transport.abort()
        self._open.clear()
        for passing in self._passing:
            passing.cancel()
        self._answers = asyncio.Event()
        self._answers.set()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            to_reader, to_writer = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, to_writer}
        always = asyncio.Event()
        always.set()
        for source, sink, when in ((reader, to_writer, always), (to_reader, writer, self._answers)):
            passing = asyncio.create_task(self._pass(source, sink, when))
            self._passing.add(passing)
            passing.add_done_callback(self._passing.discard)

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, when: asyncio.Event) -> None:
        with suppress(OSError):
            while some := await source.read(1 << 16):
                await when.wait()
                sink.write(some)
                await sink.drain()
        sink.transport.abort()


@asynccontextmanager
async def proxy_to(upstream: int) -> AsyncGenerator[Proxy]:
    proxy = Proxy(upstream)
    await proxy.listen()
    try:
        yield proxy
    finally:
        proxy.go_down()
