"""The operations port over plain HTTP: `/health/live`, `/health/startup`, `/health/ready`, `/metrics` and `/backlog`.

The answers come from the event loop that runs the process' own work, so no answer means that nothing else runs either. That is
also why no server of a library is used: each would bring an event loop or threads of its own.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import asynccontextmanager
from urllib.parse import parse_qs

import msgspec

from headrace import forks
from headrace.errors import HeadraceError
from headrace.health import RETRY_SECONDS, Readiness, summarize
from headrace.listening import bind, cannot_listen
from headrace.operations.answers import Operations
from headrace.printable import printable
from headrace.repeated import RepeatedWarning
from headrace.settings import split_bind
from headrace.telemetry import get_logger

REQUEST_TIMEOUT_SECONDS = 5.0
REQUEST_BYTES_MAX = 8192
CONNECTIONS_MAX = 64  # then the eldest that asks for nothing is closed; probes, a scraper and an autoscaler have a few

log = get_logger(__name__)

PATHS = "/health/live, /health/startup, /health/ready, /metrics and /backlog"


class Answer(msgspec.Struct, frozen=True):
    """What a request is answered with. ``retry_after`` is in seconds."""

    status: bytes
    media_type: bytes
    body: bytes
    retry_after: int | None = None


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
        # Those whose request has not arrived yet, the eldest first.
        self._silent: dict[asyncio.StreamWriter, None] = {}
        self._failing: dict[bytes, RepeatedWarning] = {}

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request and close its connection. What comes too slowly gets no answer."""
        self._open += 1
        try:
            if self._open > CONNECTIONS_MAX:
                self._close_eldest_silent()
            if self._open <= 2 * CONNECTIONS_MAX:
                await self._serve_in_time(reader, writer)
        finally:
            self._open -= 1
            writer.close()

    def _close_eldest_silent(self) -> None:
        """Make room: connections that ask for nothing must not keep a probe from its answer."""
        eldest = next(iter(self._silent), None)
        if eldest is not None:
            del self._silent[eldest]
            eldest.transport.abort()

    async def _serve_in_time(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await self._read_head(reader, writer)
            answer = TOO_LONG if head is None else await self._answer_whatever_fails(head)
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                await _respond(writer, head or b"", answer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError):
            # Closing would wait for a client that does not read, for as long as it likes.
            writer.transport.abort()

    async def _read_head(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes | None:
        """Return the request up to its empty line; None when that is longer than `REQUEST_BYTES_MAX`."""
        self._silent[writer] = None
        try:
            async with asyncio.timeout(REQUEST_TIMEOUT_SECONDS):
                return await reader.readuntil(b"\r\n\r\n")
        except asyncio.LimitOverrunError:
            return None
        finally:
            self._silent.pop(writer, None)

    async def _answer_whatever_fails(self, head: bytes) -> Answer:
        """Answer 500 when an answer cannot be made, and say in the log why: a closed connection would tell nobody."""
        path = b" ".join(head.split(b" ")[1:2]).partition(b"?")[0]
        try:
            answer = await self._answer(head)
        except Exception as error:  # noqa: BLE001 - whatever a check or a collector raises
            failing = self._failing.setdefault(
                path, RepeatedWarning(log, "the operations port cannot answer", "the operations port answers again")
            )
            failing.note(type(error).__name__, request=path.decode("latin-1"), exc_info=error)
            return _refuse(500, "internal_error", "this process could not make the answer; its log says why")
        if (failed := self._failing.pop(path, None)) is not None:
            failed.end(request=path.decode("latin-1"))
        return answer

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
                return await self._count_backlog(parse_qs(query.decode("latin-1"), keep_blank_values=True))
            case _:
                return _refuse(404, "not_found", f"there are {PATHS}")

    async def _count_backlog(self, query: dict[str, list[str]]) -> Answer:
        count = self._operations.count_backlog
        if (unknown := next((name for name in query if name != "kinds"), None)) is not None:
            # An autoscaler whose filter is misspelt would otherwise be told the backlog of all kinds.
            return _refuse(
                400, "malformed_request", f"there is no parameter {printable(unknown)!r} here; there is kinds"
            )
        if count is None:
            why = "this process does not know the tasks that wait yet; try again in a moment"
            return _refuse(503, "starting", why, RETRY_SECONDS)
        kinds = frozenset(each.strip() for each in ",".join(query.get("kinds", [])).split(",")) - {""}
        try:
            backlog = await count(kinds)
        except HeadraceError as error:
            return _refuse(error.status, error.code, error.message, error.retry_after)
        return Answer(_status(200), b"application/json", msgspec.json.encode(Backlog(backlog)))


_TITLES = {
    200: "OK",
    400: "Bad Request",
    404: "Not Found",
    405: "Method Not Allowed",
    431: "Request Header Fields Too Large",
    500: "Internal Server Error",
    503: "Service Unavailable",
}


def _status(status: int) -> bytes:
    return f"{status} {_TITLES.get(status, 'Error')}".encode()


def _refuse(status: int, code: str, why: str, retry_after: int | None = None) -> Answer:
    body = Refusal(title=_TITLES.get(status, "Error"), status=status, detail=why, error_code=code)
    return Answer(_status(status), b"application/problem+json", msgspec.json.encode(body), retry_after)


TOO_LONG = _refuse(431, "request_too_long", f"a request has at most {REQUEST_BYTES_MAX} bytes")


def _health_answer(found: Readiness) -> Answer:
    body = msgspec.json.encode(found.health)
    if found.is_ready:
        return Answer(_status(200), b"application/json", body)
    return Answer(_status(503), b"application/json", body, RETRY_SECONDS)


async def _respond(writer: asyncio.StreamWriter, request: bytes, answer: Answer) -> None:
    """Send an answer. The answer to a HEAD has no body, and the headers that it would have with one (RFC 9110 §9.3.2)."""
    head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nConnection: close\r\n" % (
        answer.status,
        answer.media_type,
        len(answer.body),
    )
    allow = b"Allow: GET, HEAD\r\n" if answer.status.startswith(b"405") else b""
    retry = b"Retry-After: %d\r\n" % answer.retry_after if answer.retry_after else b""
    writer.write(head + allow + retry + b"\r\n" + (b"" if request.startswith(b"HEAD ") else answer.body))
    await writer.drain()
