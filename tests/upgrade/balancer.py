"""A load balancer in front of several APIs: new connections go round those whose readiness is 200."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress

import httpx

CHECK_SECONDS = 0.2  # between two questions for readiness; an API says that it drains for longer than that
CHUNK_BYTES = 1 << 16
PATIENCE_SECONDS = 10.0  # a new connection waits so long for an API that is ready


class Balancer:
    """Passes bytes on between whoever connects and one of the APIs.

    Args:
        urls: Where the APIs are.

    Attributes:
        unserved: Connections for which no API was there.
    """

    def __init__(self, urls: Sequence[str]) -> None:
        self.unserved = 0
        self.port = 0
        self._ready = dict.fromkeys(urls, False)
        self._turns = itertools.count()
        self._changed = asyncio.Event()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def open(self) -> AsyncGenerator[None]:
        """Let clients in while the block runs."""
        server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        checking = [asyncio.create_task(self._check(url), name=f"check {url}") for url in self._ready]
        try:
            yield
        finally:
            server.close()
            for each in checking:
                each.cancel()
            await asyncio.wait(checking)

    async def _check(self, url: str) -> None:
        async with httpx.AsyncClient(trust_env=False, timeout=2.0) as http:
            while True:
                try:
                    self._ready[url] = (await http.get(f"{url}/health/ready")).status_code == 200
                except httpx.TransportError:
                    self._ready[url] = False
                self._changed.set()
                await asyncio.sleep(CHECK_SECONDS)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                far = await self._connect()
        except TimeoutError:
            self.unserved += 1
            writer.transport.abort()
            return
        passing = [asyncio.create_task(_pass(reader, far[1])), asyncio.create_task(_pass(far[0], writer))]
        try:
            await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in passing:
                each.cancel()
            for each in (writer, far[1]):
                each.close()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        while True:
            ready = [url for url, is_ready in self._ready.items() if is_ready]
            if ready:
                url = httpx.URL(ready[next(self._turns) % len(ready)])
                with suppress(OSError):
                    return await asyncio.open_connection(url.host, url.port)
            self._changed.clear()
            await self._changed.wait()


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while some := await source.read(CHUNK_BYTES):
            sink.write(some)
            await sink.drain()
