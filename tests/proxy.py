"""A network between a client and a server, which can hold things back and break."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress

WAIT_SECONDS = 30.0
WORDS_BYTES_MAX = 100


class Proxy:
    """Passes bytes on between whoever connects to `port` and a server."""

    def __init__(self, upstream: int) -> None:
        self.upstream = upstream
        self.port = 0
        self._server: asyncio.Server | None = None
        self._answers = asyncio.Event()
        self._answers.set()
        self._awaited: dict[bytes, asyncio.Event] = {}
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

    async def passed(self, words: bytes) -> None:
        """Return when a client has sent these words from now on, and the server was given them."""
        async with asyncio.timeout(WAIT_SECONDS):
            await self._awaited.setdefault(words, asyncio.Event()).wait()
        del self._awaited[words]

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
        ways = ((reader, to_writer, always, self._look), (to_reader, writer, self._answers, lambda _: None))
        for way in ways:
            passing = asyncio.create_task(self._pass(*way))
            self._passing.add(passing)
            passing.add_done_callback(self._passing.discard)

    async def _pass(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        when: asyncio.Event,
        look: Callable[[bytes], None],
    ) -> None:
        before = b""
        with suppress(OSError):
            while some := await source.read(1 << 16):
                await when.wait()
                sink.write(some)
                await sink.drain()
                look(before + some)
                before = some[-WORDS_BYTES_MAX:]
        sink.transport.abort()

    def _look(self, sent: bytes) -> None:
        for words, event in self._awaited.items():
            if words in sent:
                event.set()


@asynccontextmanager
async def proxy_to(upstream: int) -> AsyncGenerator[Proxy]:
    proxy = Proxy(upstream)
    await proxy.listen()
    try:
        yield proxy
    finally:
        proxy.go_down()
