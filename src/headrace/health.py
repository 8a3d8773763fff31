"""Health checks of a process over plain HTTP: `/health/live` and `/health/ready` for supervisors, and `/metrics`."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

import msgspec

from headrace.settings import split_bind

REQUEST_TIMEOUT_SECONDS = 5.0
REQUEST_BYTES_MAX = 8192

Checks = Callable[[], Awaitable[dict[str, str]]]


class Health(msgspec.Struct, frozen=True):
    """``status`` is ``ok`` when every check is; a check says ``ok`` or what is wrong."""

    status: str
    checks: dict[str, str]


class Answer(msgspec.Struct, frozen=True):
    """What a request is answered with."""

    status: bytes
    media_type: bytes
    body: bytes


def summarize(checks: dict[str, str]) -> Health:
    """Summarize several checks in one status."""
    return Health("ok" if all(state == "ok" for state in checks.values()) else "failing", checks)


@asynccontextmanager
async def serve_health(
    bind: str, ready: Checks, live: Checks | None = None, metrics: Callable[[], bytes] | None = None
) -> AsyncGenerator[None]:
    """Answer health checks on ``host:port`` while the block runs, and with ``metrics`` Prometheus.

    Raises:
        OSError: the address cannot be listened on.
    """
    host, port = split_bind(bind)
    endpoint = _Endpoint(ready, live, metrics)
    server = await asyncio.start_server(endpoint.serve, host, port, limit=REQUEST_BYTES_MAX)
    try:
        yield
    finally:
        server.close()


class _Endpoint:
    def __init__(self, ready: Checks, live: Checks | None, metrics: Callable[[], bytes] | None) -> None:
        self._ready = ready
        self._live = live
        self._metrics = metrics

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close its connection. What is no request, or comes too slowly, gets no answer."""
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1]
                await _write(writer, await self._answer(path))
        writer.close()

    async def _answer(self, path: bytes) -> Answer:
        if path == b"/metrics" and self._metrics is not None:
            return Answer(b"200 OK", b"text/plain; version=0.0.4; charset=utf-8", self._metrics())
        if path == b"/health/live":
            return _health_answer(summarize(await self._live() if self._live else {}))
        if path == b"/health/ready":
            return _health_answer(summarize(await self._ready()))
        unknown = Health("failing", {"path": "there is /health/live and /health/ready"})
        return Answer(b"404 Not Found", b"application/json", msgspec.json.encode(unknown))


def _health_answer(health: Health) -> Answer:
    status = b"200 OK" if health.status == "ok" else b"503 Service Unavailable"
    return Answer(status, b"application/json", msgspec.json.encode(health))


async def _write(writer: asyncio.StreamWriter, answer: Answer) -> None:
    head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    writer.write(head % (answer.status, answer.media_type, len(answer.body)) + answer.body)
    await writer.drain()
