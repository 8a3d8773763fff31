"""The network that tests put between clients and servers does to them what it says."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.nats_frames import FrameCutter, LossyLiveFeed, subject
from tests.proxy import Break, Proxy, proxy_to
from tests.waiting import until, within

PATIENCE_SECONDS = 5.0
MUCH = 16 << 20  # bytes; more than the buffers of two connections hold
FRAMES = [
    b'INFO {"server_id":"x","headers":true}\r\n',
    b"PING\r\n",
    b"MSG hr.live.tasks.logged.echo.normal.u.t 1 5\r\nab\r\nc\r\n",
    b"MSG _INBOX.x 2 reply.to 0\r\n\r\n",
    b"HMSG hr.live.tasks.queued.echo.normal.u.t 1 22 27\r\nNATS/1.0\r\nMSG a: b\r\n\r\nPING \r\n",
    b"HMSG _INBOX.y 12 reply.to 16 16\r\nNATS/1.0 503\r\n\r\n\r\n",
    b"+OK\r\n",
    b"-ERR 'Slow Consumer'\r\n",
]


class Server:
    """Sends back what it is sent, or as much as it can of nothing in particular; notes how each connection ended."""

    def __init__(self) -> None:
        self.ends: list[str] = []
        self.sent = 0
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while some := await reader.read(100):
                if some == b"much":
                    await self._send_much(writer)
                writer.write(some)
            self.ends.append("closed")
        except ConnectionResetError:
            self.ends.append("reset")
        finally:
            writer.transport.abort()

    async def _send_much(self, writer: asyncio.StreamWriter) -> None:
        while self.sent < MUCH:
            writer.write(bytes(1 << 14))
            await writer.drain()
            self.sent += 1 << 14


@asynccontextmanager
async def server() -> AsyncGenerator[tuple[Server, Proxy]]:
    here = Server()
    listening = await asyncio.start_server(here.serve, "127.0.0.1", 0)
    here.port = listening.sockets[0].getsockname()[1]
    try:
        async with proxy_to(here.port) as proxy:
            yield here, proxy
    finally:
        listening.close()


@asynccontextmanager
async def client(proxy: Proxy) -> AsyncGenerator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


async def echoes(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, words: bytes = b"hello") -> bool:
    writer.write(words)
    async with within(PATIENCE_SECONDS, f"{words!r} to come back"):
        return await reader.readexactly(len(words)) == words


async def test_a_reset_by_the_proxy_reaches_both_ends_as_a_reset() -> None:
    async with server() as (here, proxy), client(proxy) as (reader, writer):
        assert await echoes(reader, writer)
        proxy.break_off(Break.RESET)
        with pytest.raises(ConnectionResetError):
            await reader.read(1)
        await until(lambda: here.ends == ["reset"], "the server to be told")
        await until(lambda: proxy.connections == 0, "nothing to be left")


async def test_a_connection_closed_by_the_proxy_reaches_both_ends_as_an_end() -> None:
    async with server() as (here, proxy), client(proxy) as (reader, writer):
        assert await echoes(reader, writer)
        proxy.break_off(Break.CLOSE)
        assert await reader.read(1) == b""
        await until(lambda: here.ends == ["closed"], "the server to be told")


async def test_through_a_half_open_connection_nothing_passes_and_nobody_is_told() -> None:
    async with server() as (here, proxy):
        async with client(proxy) as (reader, writer):
            assert await echoes(reader, writer)
            proxy.break_off(Break.HALF_OPEN)
            writer.write(b"lost")
            async with client(proxy) as other:
                assert await echoes(*other)  # by when the lost words would have been back, too
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await reader.read(1)
        await until(lambda: here.ends, "the other one's end to be told")
        assert (here.ends, proxy.connections) == (["closed"], 1)  # the server still believes in the first


async def test_a_stalled_connection_holds_the_server_up_and_lets_the_client_through() -> None:
    async with server() as (here, proxy), client(proxy) as (reader, writer):
        assert await echoes(reader, writer)
        proxy.break_off(Break.STALL)
        writer.write(b"much")
        await until(lambda: here.sent, "the server to hear of it")
        before = 0
        while here.sent > before:
            before = here.sent
            await asyncio.sleep(0.1)  # for longer than it takes to send what there is room for
        assert here.sent < MUCH


async def test_the_proxy_breaks_connections_at_random_and_the_same_way_with_the_same_seed() -> None:
    async def lengths() -> list[int]:
        async with server() as (_, proxy):
            proxy.break_at_random(random.Random(7), 1000, [Break.CLOSE])
            found: list[int] = []
            for _ in range(10):
                async with client(proxy) as (reader, writer):
                    writer.write(bytes(2000))
                    found.append(len(await reader.read(-1)))
            assert proxy.breaks == {Break.CLOSE: 10}
            return found

    once = await lengths()
    assert once == await lengths()
    assert len(set(once)) > 5
    assert all(1 <= length <= 1000 for length in once)


@given(st.lists(st.sampled_from(FRAMES)), st.lists(st.integers(1, 40)))
def test_nats_frames_are_put_together_however_they_were_split(frames: list[bytes], lengths: list[int]) -> None:
    sent, reading, found = b"".join(frames), FrameCutter(), list[bytes]()
    for length in lengths:
        found += reading.feed(sent[:length])
        sent = sent[length:]
    assert found + reading.feed(sent) == frames


def test_the_proxy_loses_only_live_messages() -> None:
    losing = LossyLiveFeed(random.Random(1), 1.0)
    kept = losing()(b"".join(FRAMES))
    assert kept == b"".join(frame for frame in FRAMES if not subject(frame).startswith(b"hr.live."))
    assert (losing.lost, losing.passed) == (2, 0)


def test_the_proxy_loses_about_the_given_share_of_live_messages() -> None:
    losing = LossyLiveFeed(random.Random(1), 0.2)
    lossy = losing()
    for _ in range(1000):
        lossy(FRAMES[2])
    assert 150 < losing.lost < 250
    assert losing.passed + losing.lost == 1000
