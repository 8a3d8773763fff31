"""A process's own word on how it is, over plain HTTP: `/health/live` and `/health/ready` for supervisors, and `/metrics`."""

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


def summarize(checks: dict[str, str]) -> Health:
    """One word over several checks."""
    return Health("ok" if all(state == "ok" for state in checks.values()) else "failing", checks)


@asynccontextmanager
async def serve_health(
    bind: str, ready: Checks, live: Checks | None = None, metrics: Callable[[], bytes] | None = None
) -> AsyncGenerator[None]:
    """Answer health checks on ``host:port`` while the block runs, and with ``metrics`` Prometheus.

    Raises:
        OSError: the address cannot be listened on.
    """

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                path = head.split(b" ", 2)[1]
                if path == b"/metrics" and metrics is not None:
                    await _answer(writer, b"200 OK", b"text/plain; version=0.0.4; charset=utf-8", metrics())
                    writer.close()
                    return
                if path == b"/health/live":
                    status, health = b"200 OK", summarize(await live() if live else {})
                    if health.status != "ok":
                        status = b"503 Service Unavailable"
                elif path == b"/health/ready":
                    health = summarize(await ready())
                    status = b"200 OK" if health.status == "ok" else b"503 Service Unavailable"
                else:
                    status, health = (
                        b"404 Not Found",
                        Health("failing", {"path": "there is /health/live and /health/ready"}),
                    )
                await _answer(writer, status, b"application/json", msgspec.json.encode(health))
        writer.close()

    host, port = split_bind(bind)
    server = await asyncio.start_server(answer, host, port, limit=REQUEST_BYTES_MAX)
    try:
        yield
    finally:
        server.close()


async def _answer(writer: asyncio.StreamWriter, status: bytes, media_type: bytes, body: bytes) -> None:
    head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
    writer.write(head % (status, media_type, len(body)) + body)
    await writer.drain()
