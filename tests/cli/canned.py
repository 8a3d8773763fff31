"""Servers of answers that were thought up before: one for a client in this process, and one at a port."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx

from headrace.client import Client

STREAM = {"Content-Type": "text/event-stream"}

Answer = Callable[[httpx.Request], httpx.Response]


class Server:
    """Answers requests one after the other, and keeps them."""

    def __init__(self, *answers: Answer | httpx.Response) -> None:
        self.requests: list[httpx.Request] = []
        self.times: list[float] = []
        self._answers = list(answers)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        self.times.append(time.monotonic())
        answer = self._answers[min(len(self.requests), len(self._answers)) - 1]
        return answer if isinstance(answer, httpx.Response) else answer(request)

    def client(self) -> Client:
        return Client("http://headrace", transport=httpx.MockTransport(self))

    def cursors(self) -> list[str | None]:
        return [request.headers.get("Last-Event-ID") for request in self.requests]

    def asked(self) -> list[str]:
        return [f"{request.method} {request.url.path.removeprefix('/api/v1')}" for request in self.requests]

    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]


def frame(sequence: int, event: str, **data: Any) -> bytes:
    return f"id: 1-{sequence}\nevent: {event}\ndata: {json.dumps(data)}\n\n".encode()


def stream(*chunks: bytes | Exception) -> Answer:
    async def content() -> AsyncIterator[bytes]:
        for chunk in chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    return lambda _: httpx.Response(200, headers=STREAM, content=content())


def refused(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectError("refused")


def problem(status: int, code: str, retry_after: int | None = None) -> httpx.Response:
    said = {
        "title": code,
        "status": status,
        "detail": code,
        "error_code": code,
        "message": code,
        "correlation_id": "c",
    }
    headers = {} if retry_after is None else {"Retry-After": str(retry_after)}
    return httpx.Response(status, json=said, headers=headers)


@asynccontextmanager
async def answering(status: int, body: str) -> AsyncGenerator[str]:
    """A server at a port of loopback that has one answer for everybody; its URL."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}".encode())
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        host, port = server.sockets[0].getsockname()
        yield f"http://{host}:{port}"
