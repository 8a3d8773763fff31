"""Clients that stop: in the middle of a body, before they read an answer, and while they follow a stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager

from tests.accounts import AUTHORIZATION
from tests.faults.features import API

OF_EACH = 20  # connections
PIPELINED = 500  # requests whose answers are not read; more than the buffers of a connection hold
READ_BYTES = 1 << 12  # of what arrives; then the client stops reading, and TCP stops the server

HALF_A_BODY = f'POST {API}/tasks HTTP/1.1\r\nHost: {{host}}\r\n{AUTHORIZATION}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{{{{"kind"'
HALF_A_BATCH = (
    f"POST {API}/batches?kind=instant HTTP/1.1\r\nHost: {{host}}\r\n{AUTHORIZATION}\r\nContent-Type: application/x-ndjson\r\n"
    "Transfer-Encoding: chunked\r\n\r\n10\r\n"
)
UNREAD_ANSWERS = f"GET {API}/kinds HTTP/1.1\r\nHost: {{host}}\r\n{AUTHORIZATION}\r\n\r\n" * PIPELINED
UNREAD_STREAM = f"GET {API}/events HTTP/1.1\r\nHost: {{host}}\r\n{AUTHORIZATION}\r\nAccept: text/event-stream\r\n\r\n"


@asynccontextmanager
async def stalled_clients(port: int) -> AsyncGenerator[int]:
    """Stall while the block runs; gives how many clients do."""
    async with AsyncExitStack() as stack:
        requests = [HALF_A_BODY, HALF_A_BATCH, UNREAD_ANSWERS, UNREAD_STREAM] * OF_EACH
        for request in requests:
            # The reader stops reading from its connection when it holds twice its limit.
            _, writer = await asyncio.open_connection("127.0.0.1", port, limit=READ_BYTES)
            stack.callback(writer.close)
            writer.write(request.format(host=f"127.0.0.1:{port}").encode())
        yield len(requests)
