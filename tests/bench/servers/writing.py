"""Writing numbered lines for all clients, at a rate or as fast as they are taken."""

from __future__ import annotations

import asyncio
import time

from tests.bench.client.lines import line
from tests.bench.servers.server import Server


async def write_paced(server: Server, lines: range, per_second: float) -> None:
    """Write a line whenever one is due, whether or not the ones before were taken."""
    begin = time.monotonic()
    writing: list[asyncio.Task[None]] = []
    for count, number in enumerate(lines):
        await asyncio.sleep(max(0, begin + count / per_second - time.monotonic()))
        writing.append(asyncio.create_task(_write(server, number)))
    await asyncio.gather(*writing)


async def write_all(server: Server, lines: range) -> None:
    """Write each line when the one before was taken."""
    for number in lines:
        await _write(server, number)


async def _write(server: Server, number: int) -> None:
    await server.publish(line(number, time.time_ns()))
