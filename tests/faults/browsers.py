"""Clients of event streams as `EventSource` is one: they come back from their cursor, whatever happens to the connection.

As little HTTP as they need, so that hundreds of them fit into a test.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec

from headrace.log.records import Record
from tests.accounts import AUTHORIZATION
from tests.cluster import Cluster
from tests.waiting import until

AGAIN_SECONDS = 0.02
CONNECT_SECONDS = 5.0
READ_BYTES = 1 << 16

Wanted = Callable[[Record], bool]


class Browser:
    """One client.

    Args:
        port: Where it asks.
        path: What it follows.
        cursor: Where it begins; from now, when empty.
        silence: After so many seconds without a word, a heartbeat included, it takes the connection for dead.
        window: How many bytes the kernel holds for it, about; as many as it likes, when 0.

    Attributes:
        seen: The sequences of all events that it was given, in the order in which they came; since the last reset.
        tasks: Of which task each of them was.
        resets: What it was told when it could not go on.
        connects: How often it was answered.
        wrong: What was answered instead of a stream, when it was something else than an end or a wait.
        ended: How its last connection broke.
        over: Whether the stream has come to its end.
    """

    def __init__(self, port: int, path: str, cursor: str = "", silence: float = 30.0, window: int = 0) -> None:
        self.port = port
        self.path = path
        self.cursor = cursor
        self.seen: list[int] = []
        self.tasks: list[str] = []
        self.resets: list[dict[str, Any]] = []
        self.connects = 0
        self.wrong = b""
        self.ended = ""
        self.over = False
        self._silence = silence
        self._window = window
        self._reads = asyncio.Event()
        self._reads.set()
        self._following = asyncio.create_task(self._follow(), name=f"follow {path}")

    async def close(self) -> None:
        """Go away. Raises what went wrong with it."""
        self._following.cancel()
        await asyncio.wait({self._following})
        if not self._following.cancelled():
            self._following.result()

    async def opened(self) -> None:
        """Return when it has its first cursor, so that whatever happens from now on is in what it sees."""
        try:
            await until(lambda: self.cursor or self._following.done(), f"{self.path} to be answered")
        except AssertionError as error:
            error.add_note(f"its last connection broke with {self.ended or 'nothing'}; answered was {self.wrong!r}")
            raise

    def pause(self) -> None:
        """Read nothing more, and leave the connection open."""
        self._reads.clear()

    def go_on(self) -> None:
        """Read again."""
        self._reads.set()

    async def _follow(self) -> None:
        while not self.over:
            try:
                await self._once()
            except (OSError, EOFError, TimeoutError) as error:
                self.ended = repr(error)
            await asyncio.sleep(AGAIN_SECONDS)

    async def _once(self) -> None:
        async with asyncio.timeout(CONNECT_SECONDS):
            connected = socket.socket()
            connected.setblocking(False)
            if self._window:
                connected.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, self._window)
            try:
                await asyncio.get_running_loop().sock_connect(connected, ("127.0.0.1", self.port))
            except BaseException:
                connected.close()
                raise
            reader, writer = await asyncio.open_connection(sock=connected, limit=READ_BYTES)
        try:
            resume = f"Last-Event-ID: {self.cursor}\r\n" if self.cursor else ""
            writer.write(f"GET {self.path} HTTP/1.1\r\nHost: here\r\n{AUTHORIZATION}\r\n{resume}\r\n".encode())
            head = await self._within(reader.readuntil(b"\r\n\r\n"))
            status = head.split(b" ", 2)[1]
            if status == b"200":
                self.connects += 1
                await self._read(reader)
            elif status == b"204":
                self.over = True
            elif status != b"503":
                self.wrong = head
        finally:
            writer.transport.abort()

    async def _read(self, reader: asyncio.StreamReader) -> None:
        rest = b""
        while length := int(await self._within(reader.readline()) or b"0", 16):  # RFC 9112, section 7.1
            while length:
                await self._reads.wait()
                some = await self._within(reader.read(length))
                if not some:
                    return
                length -= len(some)
                *frames, rest = (rest + some).split(b"\n\n")
                for frame in frames:
                    self._take(frame)
            await self._within(reader.readexactly(2))

    async def _within(self, reading: Any) -> bytes:
        async with asyncio.timeout(self._silence):
            return await reading

    def _take(self, frame: bytes) -> None:
        fields = dict(line.split(b": ", 1) for line in frame.split(b"\n"))
        if (cursor := fields.get(b"id")) is None:
            return
        self.cursor = cursor.decode()
        if (event := fields.get(b"event")) is None:
            return
        data = msgspec.json.decode(fields[b"data"])
        if event == b"reset":
            self.resets.append(data)
            self.seen, self.tasks = [], []
        else:
            self.seen.append(int(self.cursor.partition("-")[2]))
            self.tasks.append(data["task"])


@asynccontextmanager
async def browsers(made: Iterable[Browser]) -> AsyncGenerator[list[Browser]]:
    """Have them follow while the block runs, all of them from before it begins."""
    those = list(made)
    try:
        for browser in those:
            await browser.opened()
        yield those
    finally:
        for browser in those:
            await browser.close()


async def all_given(
    cluster: Cluster, wanted: dict[Browser, Wanted], after: int, patience: float = 15.0, resets: int = 0
) -> None:
    """Return when each has been given what it wants of the log after a sequence, in order, each once, and so many resets."""
    records = [record for record in await cluster.events() if record.sequence > after]
    due = {browser: [record.sequence for record in records if wants(record)] for browser, wants in wanted.items()}

    def complete() -> bool:
        return all(len(browser.seen) >= len(sequences) for browser, sequences in due.items())

    with suppress(AssertionError):
        await until(complete, "all to be given everything", patience)
    for browser, sequences in due.items():
        assert browser.seen == sequences, f"{browser.path} {browser.connects} {browser.wrong!r} {browser.ended}"
        assert (len(browser.resets), browser.wrong) == (resets, b"")


def any_event(_: Record) -> bool:
    return True


def port_of(url: str) -> int:
    return int(url.rpartition(":")[2])
