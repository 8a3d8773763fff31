"""Bodies as the server of the API passes them on, over one connection that stays open."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels
from litestar.types import Receive, Scope, Send

from headrace.api.edge.request_body import OpenBodies
from headrace.api.listening import ListeningServer, listen

HOST = "127.0.0.1"
HEAD = b"POST / HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n"


class Served:
    """A server that answers each body with what it has received; ``questions``: how often it was asked for more of a body."""

    def __init__(self) -> None:
        self.questions = 0

    async def answer(self, scope: Any, receive: Any, send: Any) -> None:
        async def asked() -> Any:
            self.questions += 1
            return await receive()

        if scope["type"] != "lifespan":
            await OpenBodies().receive_within_limits(_echo, frozenset())(scope, asked, send)
            return
        for moment in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{moment}.complete"})


async def _echo(_scope: Scope, receive: Receive, send: Send) -> None:
    body, more = b"", True
    while more:
        message: Any = await receive()
        body, more = body + message["body"], message["more_body"]
    answer: Any = {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
    await send(answer)
    await send({"type": "http.response.body", "body": body, "more_body": False})


async def _read_answer(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line.partition(b":")[2]) for line in head.lower().split(b"\r\n") if b"content-length" in line)
    return await reader.readexactly(length)


@pytest.mark.parametrize("at_once", [False, True], ids=["one after the other", "the next one right behind"])
async def test_bodies_over_one_connection_arrive_whole_and_are_asked_for_once(at_once: bool) -> None:
    served = Served()
    listener = socket.create_server((HOST, 0))
    port = listener.getsockname()[1]
    listen(listener)
    logs: Any = {"formatters": {}, "handlers": {}, "loggers": {}}
    options: Any = {"http": HTTPModes.http1, "websockets": False, "log_level": LogLevels.error, "log_dictconfig": logs}
    server = ListeningServer(served.answer, listener, interface=Interfaces.ASGI, **options)
    serving = asyncio.create_task(server.serve())
    reader, writer = await asyncio.open_connection(HOST, port)
    bodies = [b"x" * length for length in (1, 500, 3000)]
    requests = [b"%sContent-Length: %d\r\n\r\n%s" % (HEAD, len(body), body) for body in bodies]
    if at_once:
        writer.write(b"".join(requests))
    for request, body in zip(requests, bodies, strict=True):
        if not at_once:
            writer.write(request)
        assert await _read_answer(reader) == body
    assert served.questions == len(bodies)
    # One without a length ends where the server says.
    writer.write(HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n")
    assert await _read_answer(reader) == b"onetwo"
    # One with both, of which the length counts for nothing (RFC 9112, section 6.3), is not cut at it.
    writer.write(HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
    writer.write(b"3\r\ntwo\r\n0\r\n\r\n")
    assert await _read_answer(reader) == b"onetwo"
    writer.transport.abort()
    server.stop()
    await serving
