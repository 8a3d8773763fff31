"""Health checks of a process over plain HTTP: `/health/live` and `/health/ready` for supervisors, and `/metrics`."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress

import msgspec

from headrace import forks
from headrace.settings import split_bind

REQUEST_TIMEOUT_SECONDS = 5.0
REQUEST_BYTES_MAX = 8192

Checks = Callable[[], Awaitable[dict[str, str]]]


class Health(msgspec.Struct, frozen=True):
    """``status`` is ``ok`` when every check is; a check says ``ok``, ``ok; …`` with a remark, or what is wrong."""

    status: str
    checks: dict[str, str]


class Answer(msgspec.Struct, frozen=True):
    """What a request is answered with."""

    status: bytes
    media_type: bytes
    body: bytes


def summarize(checks: dict[str, str]) -> Health:
    """Summarize several checks in one status."""
    good = all(state == "ok" or state.startswith("ok;") for state in checks.values())
    return Health("ok" if good else "failing", checks)


@asynccontextmanager
async def serve_health(
    bind: str,
    ready: Checks,
    live: Checks | None = None,
    metrics: Callable[[], bytes] | None = None,
    *,
    variable: str,
) -> AsyncGenerator[None]:
    """Answer health checks on ``host:port`` while the block runs, and with ``metrics`` Prometheus.

    The answers come from the event loop that runs the process' own work, so no answer means that nothing else runs either.

    Args:
        bind: The address.
        ready: What `/health/ready` says.
        live: What `/health/live` says; by default only that the event loop runs.
        metrics: The page of `/metrics`, if there is to be one.
        variable: The setting that has the address, for who has to choose another.

    Raises:
        OSError: the address cannot be listened on.
    """
    host, port = split_bind(bind)
    endpoint = _Endpoint(ready, live, metrics)
    try:
        server = await asyncio.start_server(endpoint.serve, host, port, limit=REQUEST_BYTES_MAX)
    except OSError as error:
        raise cannot_listen(bind, error, variable) from error
    listening = _Listening(server)
    forks.keep_from_children(listening)
    try:
        yield
    finally:
        server.close()


def cannot_listen(address: str, error: Exception, variable: str) -> OSError:
    """Return the error of a process that cannot listen on an address, which the setting ``variable`` has."""
    number = getattr(error, "errno", None)
    # asyncio puts the address and itself into the text.
    reason = (
        os.strerror(number)
        if isinstance(number, int) and number in errno.errorcode
        else getattr(error, "strerror", None) or str(error)
    )
    return OSError(f"cannot listen on {address}: {reason}; choose another address with {variable}")


class _Listening:
    """The sockets of a server. A forked child that outlives the process would keep its address taken."""

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server

    def descriptors(self) -> Iterable[int]:
        return [each.fileno() for each in self._server.sockets]


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
                await _respond(writer, head, await self._answer(head))
        writer.close()

    async def _answer(self, head: bytes) -> Answer:
        words = head.partition(b"\r\n")[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/"):
            return _refusal(b"400 Bad Request", "a request begins with a line like: GET /health/live HTTP/1.1")
        method, target, _ = words
        if method not in (b"GET", b"HEAD"):
            return _refusal(b"405 Method Not Allowed", "there are GET and HEAD")
        path = target.partition(b"?")[0]
        if path == b"/metrics" and self._metrics is not None:
            return Answer(b"200 OK", b"text/plain; version=0.0.4; charset=utf-8", self._metrics())
        if path == b"/health/live":
            return _health_answer(summarize(await self._live() if self._live else {}))
        if path == b"/health/ready":
            return _health_answer(summarize(await self._ready()))
        return _refusal(b"404 Not Found", "there are /health/live and /health/ready")


def _refusal(status: bytes, why: str) -> Answer:
    return Answer(status, b"application/json", msgspec.json.encode(Health("failing", {"request": why})))


def _health_answer(health: Health) -> Answer:
    status = b"200 OK" if health.status == "ok" else b"503 Service Unavailable"
    return Answer(status, b"application/json", msgspec.json.encode(health))


async def _respond(writer: asyncio.StreamWriter, request: bytes, answer: Answer) -> None:
    """Send an answer. The answer to a HEAD has no body, and the headers that it would have with one (RFC 9110 §9.3.2)."""
    head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n" % (
        answer.status,
        answer.media_type,
        len(answer.body),
    )
    allow = b"Allow: GET, HEAD\r\n" if answer.status.startswith(b"405") else b""
    writer.write(head + allow + b"\r\n" + (b"" if request.startswith(b"HEAD ") else answer.body))
    await writer.drain()
