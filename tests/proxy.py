"""A proxy between a client and a server that can hold bytes back, lose them, and break connections in every way a network does."""

from __future__ import annotations

import asyncio
import random
import socket
import struct
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from enum import StrEnum

WAIT_SECONDS = 30.0
WORDS_BYTES_MAX = 100
CHUNK_BYTES = 1 << 16

Change = Callable[[bytes], bytes]
"""Changes the bytes that pass, for instance by leaving some out."""


class Break(StrEnum):
    """What can happen to a connection."""

    CLOSE = "close"  # both ends are told, as by a proxy that is stopped
    RESET = "reset"  # both ends are told by a TCP reset, as by a machine that has forgotten the connection
    HALF_OPEN = "half open"  # nothing passes any more, and nobody is told, as when a cable is pulled
    STALL = "stall"  # what the server sends is not taken any more: nobody is told, and it comes under back-pressure


class _Way:
    """One direction of a connection."""

    def __init__(self, source: asyncio.StreamReader, transport: asyncio.Transport, sink: asyncio.StreamWriter) -> None:
        self._source = source
        self._transport = transport
        self._sink = sink
        self._open = asyncio.Event()
        self._open.set()

    def stop(self) -> None:
        """Read nothing more. Bytes that were read already stay on their way."""
        self._open.clear()
        self._transport.pause_reading()

    async def take(self) -> bytes:
        """Return the next bytes; none at the end."""
        await self._open.wait()
        some = await self._source.read(CHUNK_BYTES)
        await self._open.wait()
        return some

    async def give(self, some: bytes) -> None:
        self._sink.write(some)
        await self._sink.drain()


class Connection:
    """One client's connection to the server.

    Args:
        near: The client's end.
        far: The server's.
        answers: Set while what the server sends may pass.
        change: What becomes of what the server sends.
        on_asked: Is shown what the client has sent.
    """

    def __init__(
        self,
        near: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        far: tuple[asyncio.StreamReader, asyncio.StreamWriter],
        answers: asyncio.Event,
        change: Change,
        on_asked: Callable[[bytes], None],
    ) -> None:
        self._writers = (near[1], far[1])
        self._asking = _Way(near[0], near[1].transport, far[1])
        self._answering = _Way(far[0], far[1].transport, near[1])
        self._answers = answers
        self._change = change
        self._on_asked = on_asked
        self._breaks: tuple[int, Break, Callable[[], None]] | None = None
        self._passing = [asyncio.create_task(each) for each in (self._ask(), self._answer())]

    def breaks_after(self, length: int, how: Break, on_break: Callable[[], None]) -> None:
        """Have it break when so many bytes of what the server sends have passed."""
        self._breaks = (length, how, on_break)

    def break_off(self, how: Break) -> None:
        """Break the connection now."""
        match how:
            case Break.CLOSE:
                self.end()
            case Break.RESET:
                for writer in self._writers:
                    linger = struct.pack("ii", 1, 0)  # with which closing is a reset
                    with suppress(OSError):
                        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                self.end()
            case Break.HALF_OPEN:
                self._asking.stop()
                self._answering.stop()
            case Break.STALL:
                self._answering.stop()

    def end(self) -> None:
        """Close both ends; what is on its way is lost."""
        for writer in self._writers:
            writer.transport.abort()
        for passing in self._passing:
            passing.cancel()

    async def ended(self) -> None:
        """Return when nothing passes any more in either direction."""
        await asyncio.wait(self._passing)

    async def _ask(self) -> None:
        before = b""
        with suppress(OSError):
            while some := await self._asking.take():
                await self._asking.give(some)
                self._on_asked(before + some)
                before = some[-WORDS_BYTES_MAX:]
        self._writers[1].transport.abort()

    async def _answer(self) -> None:
        with suppress(OSError):
            while some := await self._answering.take():
                await self._answers.wait()
                some = self._change(some)
                if self._breaks is not None:
                    length, how, on_break = self._breaks
                    if len(some) >= length:
                        await self._answering.give(some[:length])
                        on_break()
                        self._breaks = None
                        self.break_off(how)
                        continue
                    self._breaks = (length - len(some), how, on_break)
                await self._answering.give(some)
        self._writers[0].transport.abort()


class Proxy:
    """Passes bytes on between whoever connects to `port` and a server.

    Args:
        upstream: The server's port.
        through: Makes, for each connection, what becomes of what the server sends.

    Attributes:
        breaks: How often `break_at_random` has broken a connection, and how.
    """

    def __init__(self, upstream: int, through: Callable[[], Change] | None = None) -> None:
        self.upstream = upstream
        self.port = 0
        self.breaks: Counter[Break] = Counter()
        self._through = through or (lambda: lambda some: some)
        self._server: asyncio.Server | None = None
        self._answers = asyncio.Event()
        self._answers.set()
        self._awaited: dict[bytes, asyncio.Event] = {}
        self._open: set[Connection] = set()
        self._chance: tuple[random.Random, int, Sequence[Break]] | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """How many connections are open, half-open and stalled ones included."""
        return len(self._open)

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
        self.break_off(Break.CLOSE)
        self._answers = asyncio.Event()
        self._answers.set()

    def break_off(self, how: Break) -> None:
        """Break every connection there is. New connections work."""
        for connection in tuple(self._open):
            connection.break_off(how)

    def break_at_random(self, rng: random.Random, length_max: int, ways: Sequence[Break] = tuple(Break)) -> None:
        """Have every connection from now on break after a random number of bytes from the server, in one of these ways."""
        self._chance = (rng, length_max, ways)

    def break_no_more(self) -> None:
        """Leave the connections from now on as they are."""
        self._chance = None

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            far = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            writer.transport.abort()
            return
        connection = Connection((reader, writer), far, self._answers, self._through(), self._note_sent)
        if self._chance is not None:
            rng, length_max, ways = self._chance
            length, how = rng.randint(1, length_max), rng.choice(ways)
            connection.breaks_after(length, how, lambda: self.breaks.update([how]))
        self._open.add(connection)
        await connection.ended()
        self._open.discard(connection)

    def _note_sent(self, sent: bytes) -> None:
        for words, event in self._awaited.items():
            if words in sent:
                event.set()


@asynccontextmanager
async def proxy_to(upstream: int, through: Callable[[], Change] | None = None) -> AsyncGenerator[Proxy]:
    proxy = Proxy(upstream, through)
    await proxy.listen()
    try:
        yield proxy
    finally:
        proxy.go_down()
