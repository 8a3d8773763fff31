"""The operations port over plain HTTP: `/health/live`, `/health/startup`, `/health/ready`, `/metrics` and `/backlog`.

The answers come from the event loop that runs the process' own work, so no answer means that nothing else runs either. That is
also why no server of a library is used: each would bring an event loop or threads of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager, suppress
from urllib.parse import parse_qs

import msgspec

from headrace import forks
from headrace.errors import HeadraceError
from headrace.health import Readiness, summarize
from headrace.listening import bind, cannot_listen
from headrace.operations.answers import Operations
from headrace.settings import split_bind

REQUEST_TIMEOUT_SECONDS = 5.0
REQUEST_BYTES_MAX = 8192
CONNECTIONS_MAX = 64  # open at a time; probes, a scraper and an autoscaler have a few

PATHS = "/health/live, /health/startup, /health/ready, /metrics and /backlog"


class Answer(msgspec.Struct, frozen=True):
    """What a request is answered with."""

    status: bytes
    media_type: bytes
    body: bytes


class Backlog(msgspec.Struct, frozen=True):
    """The body of `/backlog`."""

    backlog: int


class Refusal(msgspec.Struct, frozen=True):
    """The body of a request that cannot be answered, in the form of RFC 9457."""

    title: str
    status: int
    detail: str
    error_code: str


@asynccontextmanager
async def serve_operations(address: str, operations: Operations, *, variable: str) -> AsyncGenerator[None]:
    """Answer on ``host:port`` while the block runs.

    Args:
        address: The address; with an empty host, every address of this machine.
        operations: What the answers are.
        variable: The setting that has the address, for who has to choose another.

    Raises:
        OSError: the address cannot be listened on.
    """
    host, port = split_bind(address)
    bound = bind(host, port, variable)
    try:
        server = await asyncio.start_server(Port(operations).serve, sock=bound, limit=REQUEST_BYTES_MAX)
    except OSError as error:
        bound.close()
        raise cannot_listen(host, port, error, variable) from error
    listening = _Listening(server)
    forks.keep_from_children(listening)
    try:
        yield
    finally:
        server.close()


class _Listening:
    """The sockets of a server. A forked child that outlives the process would keep its address taken."""

    def __init__(self, server: asyncio.Server) -> None:
        self._server = server

    def descriptors(self) -> Iterable[int]:
        return [each.fileno() for each in self._server.sockets]


class Port:
    """Reads requests and answers them."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._open = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close its connection. What is no request, or comes too slowly, gets no answer."""
        self._open += 1
        try:
            if self._open <= CONNECTIONS_MAX:
                await self._serve_in_time(reader, writer)
        finally:
            self._open -= 1
            writer.close()

    async def _serve_in_time(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                head = await reader.readuntil(b"\r\n\r\n")
                await _respond(writer, head, await self._answer(head))

    async def _answer(self, head: bytes) -> Answer:
        words = head.partition(b"\r\n")[0].split(b" ")
        if len(words) != 3 or not words[2].startswith(b"HTTP/"):
            return _refuse(400, "malformed_request", "a request begins with a line like: GET /health/live HTTP/1.1")
        method, target, _ = words
        if method not in (b"GET", b"HEAD"):
            return _refuse(405, "method_not_allowed", "there are GET and HEAD")
        path, _, query = target.partition(b"?")
        match path:
            case b"/health/live":
                return _health_answer(Readiness(summarize({}), is_ready=True))
            case b"/health/startup":
                return _health_answer(await self._operations.started())
            case b"/health/ready":
                return _health_answer(await self._operations.readiness())
            case b"/metrics":
                page = await self._operations.metrics.read()
                return Answer(_status(200), b"text/plain; version=0.0.4; charset=utf-8", page)
            case b"/backlog":
                return await self._count_backlog(query.decode("latin-1"))
            case _:
                return _refuse(404, "not_found", f"there are {PATHS}")

    async def _count_backlog(self, query: str) -> Answer:
        count = self._operations.count_backlog
        if count is None:
            return _refuse(503, "starting", "this process does not know the tasks that wait yet; try again in a moment")
        kinds = frozenset(",".join(parse_qs(query).get("kinds", [])).split(",")) - {""}
        try:
            backlog = await count(kinds)
        except HeadraceError as error:
            return _refuse(error.status, error.code, error.message)
        return Answer(_status(200), b"application/json", msgspec.json.encode(Backlog(backlog)))


_TITLES = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    503: "Service Unavailable",
}


def _status(status: int) -> bytes:
    return f"{status} {_TITLES.get(status, 'Error')}".encode()


def _refuse(status: int, code: str, why: str) -> Answer:
    body = Refusal(title=_TITLES.get(status, "Error"), status=status, detail=why, error_code=code)
    return Answer(_status(status), b"application/problem+json", msgspec.json.encode(body))


def _health_answer(found: Readiness) -> Answer:
    return Answer(_status(200 if found.is_ready else 503), b"application/json", msgspec.json.encode(found.health))


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
