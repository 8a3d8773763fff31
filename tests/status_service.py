"""Another service, whose state administrators are shown: it answers, fails and hangs as it is told to."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

WELL = b'{"state": "well", "message": "all is well", "more": 1}'


class Service:
    """A server that answers with what it is told to; with None it hangs."""

    def __init__(self) -> None:
        self.answer: bytes | None = WELL
        self.status = 200
        self.encoding = b"identity"
        self.requests: list[bytes] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/status?token=secret"

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            self.requests.append(await reader.readuntil(b"\r\n\r\n"))
            if self.answer is None:
                await reader.read()
            else:
                head = (
                    b"HTTP/1.1 %d X\r\nLocation: http://127.0.0.1:1/\r\nContent-Encoding: %s\r\n"
                    b"Content-Length: %d\r\nConnection: close\r\n\r\n"
                )
                writer.write(head % (self.status, self.encoding, len(self.answer)) + self.answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()


@asynccontextmanager
async def running(service: Service) -> AsyncGenerator[None]:
    server = await asyncio.start_server(service.handle, "127.0.0.1", 0)
    service.port = server.sockets[0].getsockname()[1]
    try:
        yield
    finally:
        server.close()
