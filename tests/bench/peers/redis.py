"""Redis for the peer: a server, and as much of its protocol as it takes to publish."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from headrace.embedded.network import free_ports
from headrace.embedded.process import Process
from tests.bench.client.wire import HOST
from tests.bench.errors import BenchError

CLIENTS_MAX = 20_000
READY_SECONDS = 30.0
STOP_SECONDS = 10.0


class Redis:
    """A running server, and a connection to it.

    Attributes:
        url: Where it is.
        pid: Its process.
        version: What it says it is.
    """

    def __init__(self, port: int, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.url = f"redis://{HOST}:{port}"
        self.pid = pid
        self.version = ""
        self._reader = reader
        self._writer = writer
        self._turn = asyncio.Lock()

    async def publish(self, channel: str, payload: bytes) -> None:
        """Have every subscriber told."""
        await self._ask(b"PUBLISH", channel.encode(), payload)

    async def subscribers(self, channel: str) -> int:
        """How many would be told."""
        return int((await self._ask(b"PUBSUB", b"NUMSUB", channel.encode()))[-1])

    async def each(self, *commands: tuple[bytes, ...]) -> list[bytes]:
        """Send commands at once that each have one answer; empty for what is not there."""
        async with self._turn:
            self._writer.write(b"".join(map(_command, commands)))
            return [answer for _ in commands for answer in await self._answer()]

    async def ask_version(self) -> None:
        """Have it say what it is."""
        lines = (await self._ask(b"INFO", b"server"))[0].splitlines()
        self.version = next(each.partition(b":")[2].decode() for each in lines if each.startswith(b"redis_version:"))

    async def _ask(self, *words: bytes) -> list[bytes]:
        """Send a command; its answer, an array of one element for what is none."""
        async with self._turn:
            self._writer.write(_command(words))
            return await self._answer()

    async def _answer(self) -> list[bytes]:
        line = (await self._reader.readuntil(b"\r\n"))[:-2]  # the Redis serialization protocol, RESP2
        mark, value = line[:1], line[1:]
        # What is not there has no length.
        if line == b"$-1":
            return [b""]
        if mark == b"$":
            return [(await self._reader.readexactly(int(value) + 2))[:-2]]
        if mark == b"*":
            return [each for _ in range(int(value)) for each in await self._answer()]
        if mark == b"-":
            raise BenchError(f"Redis says {value.decode()}")
        return [value]


def _command(words: tuple[bytes, ...]) -> bytes:
    return b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words)


@asynccontextmanager
async def running_redis(program: Path, keep_in: Path | None = None) -> AsyncGenerator[Redis]:
    """Start it on a free port, and end it.

    Args:
        program: The server.
        keep_in: The directory of a file that it appends all to, flushed every second; without one it keeps nothing on the disk.
    """
    port = free_ports(1)[0]
    ready = False

    def on_line(line: str) -> None:
        nonlocal ready
        ready = ready or "Ready to accept connections" in line

    async def is_ready() -> bool:
        return ready

    where = ("--bind", HOST, "--port", str(port), "--maxclients", str(CLIENTS_MAX))
    kept = ("--appendonly", "no") if keep_in is None else ("--appendonly", "yes", "--dir", str(keep_in))
    process = await Process.start((str(program), *where, "--save", "", *kept), on_line=on_line)
    try:
        await process.ready(is_ready, READY_SECONDS)
        reader, writer = await asyncio.open_connection(HOST, port)
        redis = Redis(port, process.pid, reader, writer)
        await redis.ask_version()
        yield redis
        writer.close()
    finally:
        await asyncio.shield(process.stop(STOP_SECONDS))
