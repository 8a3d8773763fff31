"""The server tells at once whether a client has room for a chunk, so that nothing has to wait for those that have."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

from headrace.api.edge.server_send import is_taken
from headrace.api.listening import ListeningServer, listen
from tests.waiting import until

HOST = "127.0.0.1"
CHUNKS = 50
LARGE_BYTES = 1 << 20  # more than the buffers of a connection hold, a few times


@asynccontextmanager
async def served() -> AsyncGenerator[tuple[asyncio.StreamReader, Any]]:
    """What one client reads, and the function that sends to it, on a server as the API has it."""
    opened: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send(chunk_of(b"opening\n"))
            opened.set_result(send)
        while (message := await receive())["type"] in ("lifespan.startup", "http.request"):
            if message["type"] == "lifespan.startup":
                await send({"type": "lifespan.startup.complete"})
        if scope["type"] == "lifespan":
            await send({"type": "lifespan.shutdown.complete"})

    listener = socket.create_server((HOST, 0))
    port = listener.getsockname()[1]
    listen(listener)
    logs: Any = {"formatters": {}, "handlers": {}, "loggers": {}}
    options: Any = {"http": HTTPModes.http1, "websockets": False, "log_level": LogLevels.error, "log_dictconfig": logs}
    server = ListeningServer(app, listener, interface=Interfaces.ASGI, **options)
    serving = asyncio.create_task(server.serve())
    reader, writer = await asyncio.open_connection(HOST, port)
    writer.write(b"GET / HTTP/1.1\r\nHost: test\r\n\r\n")
    send = await opened
    await reader.readuntil(b"opening\n\r\n")
    yield reader, send
    writer.transport.abort()
    server.stop()
    await serving


def chunk_of(body: bytes) -> dict[str, Any]:
    return {"type": "http.response.body", "body": body, "more_body": True}


async def test_a_client_that_reads_is_sent_chunks_that_nothing_waits_for() -> None:
    async with served() as (reader, send):
        for number in range(CHUNKS):
            body = b"chunk %d\n" % number
            assert is_taken(send(chunk_of(body)))
            assert (await reader.readuntil(b"\n\r\n")).endswith(body + b"\r\n")


async def test_a_client_that_does_not_read_has_few_chunks_waiting_and_the_last_one_is_waited_for() -> None:
    async with served() as (reader, send):
        sent = 0

        async def is_full() -> bool:
            nonlocal sent
            sent += 1
            return not is_taken(sending := send(chunk_of(b"x" * LARGE_BYTES))) and not waiting.append(sending)

        waiting: list[Any] = []
        await until(is_full, "the buffers of the connection to be full")
        done = asyncio.ensure_future(waited_for(waiting[0]))
        await asyncio.sleep(0)
        assert not done.done()
        read = 0
        while read < sent * LARGE_BYTES:
            read += (await reader.read(LARGE_BYTES)).count(b"x")
        await done


async def waited_for(sending: Any) -> None:
    await sending


async def test_a_coroutine_runs_in_the_task_that_awaits_it_and_nowhere_else() -> None:
    ran = False

    async def send() -> None:
        nonlocal ran
        ran = True

    sending = send()
    assert not is_taken(sending)
    assert not ran
    await sending


async def test_a_future_is_taken_when_it_is_done() -> None:
    sending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    assert not is_taken(sending)
    sending.set_result(None)
    assert is_taken(sending)
