"""A server of answers that were thought up before."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator, Callable
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
