"""As little HTTP as a load client needs: it shares the machine with what it measures."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import TypeVar, cast

HOST = "127.0.0.1"
API_KEY = "HEADRACE_API_KEY"  # the variable with the credential of the load client


P = TypeVar("P", bound=asyncio.Protocol)


class WireError(Exception):
    """The server did not answer as expected. The message says what it did."""


class CutOff(WireError):
    """The server ended a stream, or closed its connection."""


class Connection(asyncio.Protocol):
    """A keep-alive connection with one request at a time.

    Args:
        on_response: Called with the connection, the status and the body of each response.
        on_lost: Called when the connection breaks.
    """

    def __init__(
        self, on_response: Callable[[Connection, int, bytes], None], on_lost: Callable[[Exception], None]
    ) -> None:
        self.due = 0  # when the request in flight was due and sent, nanoseconds since 1970; for who wants to know
        self.sent = 0
        self._on_response = on_response
        self._on_lost = on_lost
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.send = cast("asyncio.Transport", transport).write

    def data_received(self, data: bytes) -> None:
        data = self._buffer + data
        head_ends = data.find(b"\r\n\r\n")
        if head_ends < 0:
            self._buffer = data
            return
        head = data[:head_ends].lower()
        length_at = head.find(b"content-length: ") + 16
        ends = head_ends + 4 + int(head[length_at : length_at + 10].split(b"\r", 1)[0])
        if len(data) < ends:
            self._buffer = data
            return
        self._buffer = b""
        self._on_response(self, int(head[9:12]), data[head_ends + 4 : ends])

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost(exc or WireError("the server closed a connection"))


class Stream(asyncio.Protocol):
    """A stream of server-sent events.

    Args:
        path: What to follow.
        on_event: Called with each event, as bytes, and when its last byte was read, in nanoseconds since 1970.
        on_lost: Called when the stream breaks or ends.
        on_open: Called when the server has begun to answer.
        separator: What stands between two events: of the line ends that the standard allows, the server's choice.
    """

    def __init__(
        self,
        path: str,
        on_event: Callable[[bytes, int], None],
        on_lost: Callable[[Exception], None],
        *,
        on_open: Callable[[], None] | None = None,
        separator: bytes = b"\n\n",
    ) -> None:
        self._path = path
        self._on_event = on_event
        self._on_lost = on_lost
        self._on_open = on_open
        self._separator = separator
        self._raw = b""
        self._body = b""
        self._in_body = False
        self._ended = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.close = transport.close
        cast("asyncio.Transport", transport).write(
            f"GET {self._path} HTTP/1.1\r\nHost: {HOST}\r\n{signed()}Accept: text/event-stream\r\n\r\n".encode()
        )

    def data_received(self, data: bytes) -> None:
        read_at = time.time_ns()
        self._raw += data
        if not self._in_body:
            head, found, rest = self._raw.partition(b"\r\n\r\n")
            if not found:
                return
            if not head.startswith(b"HTTP/1.1 200") or b"transfer-encoding: chunked" not in head.lower():
                self._on_lost(WireError(f"{self._path} answered {head[:200]!r}"))
                return
            self._in_body, self._raw = True, rest
            if self._on_open is not None:
                self._on_open()
        self._take_chunks()
        *events, self._body = self._body.split(self._separator)
        for event in events:
            self._on_event(event, read_at)
        if self._ended:
            self._on_lost(CutOff(f"the server ended {self._path}"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._on_lost(exc or CutOff(f"the server closed {self._path}"))

    def _take_chunks(self) -> None:
        while True:  # RFC 9112, section 7.1
            size, found, rest = self._raw.partition(b"\r\n")
            if not found or len(rest) < (length := int(size, 16)) + 2:
                return
            self._ended = self._ended or length == 0
            self._body += rest[:length]
            self._raw = rest[length + 2 :]


async def connect(make: Callable[[], P], port: int) -> P:
    """A connection to the API."""
    _, protocol = await asyncio.get_running_loop().create_connection(make, HOST, port)
    return protocol


def signed(token: str | None = None) -> str:
    """The header of a credential: by default, of the key in the environment; nothing without one, as for the peers."""
    token = token or os.environ.get(API_KEY)
    return f"Authorization: Bearer {token}\r\n" if token else ""


def post(path: str, body: bytes, key: str | None = None, token: str | None = None) -> bytes:
    """A request, ready to be sent; with a key, it has an Idempotency-Key, and with a token another credential."""
    keyed = "" if key is None else f"Idempotency-Key: {key}\r\n"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n{signed(token)}{keyed}"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body
