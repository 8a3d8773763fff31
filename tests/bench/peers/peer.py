"""The peer as a server of event streams: its process, and the Redis behind it."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import msgspec
import psutil

from headrace.embedded.network import free_ports, get
from headrace.embedded.process import Process
from tests.bench.client.wire import HOST
from tests.bench.errors import BenchError
from tests.bench.peers.environment import environment, redis_server
from tests.bench.peers.redis import Redis, running_redis
from tests.bench.processes import resident_bytes

CHANNEL = "events"  # of `tests.bench.peers.app`, which can be imported in its environment only
READY_SECONDS = 60.0
STOP_SECONDS = 30.0
SUBSCRIBED_SECONDS = 120.0
POLL_SECONDS = 0.1

_encode = msgspec.json.Encoder().encode


class Peer:
    """Lines are published to Redis, in the JSON that Headrace's streams have.

    Attributes:
        versions: Of what it is made of, by name.
    """

    path = "/events"
    ids = False  # pub/sub has no positions
    separator = "\r\n\r\n"

    def __init__(self, port: int, uvicorn: Process, redis: Redis, versions: dict[str, str]) -> None:
        self.port = port
        self.versions = {**versions, "Redis": redis.version}
        self._processes = {"uvicorn": psutil.Process(uvicorn.pid), "redis": psutil.Process(redis.pid)}
        self._redis = redis

    async def publish(self, line: str) -> None:
        event = {
            "task": "bench",
            "kind": "noop",
            "batch": None,
            "at": datetime.now(UTC),
            "event": "logged",
            "attempt": 1,
            "level": "info",
            "message": line,
        }
        await self._redis.publish(CHANNEL, _encode(event))

    async def followed_by(self, clients: int) -> None:
        """It answers first and subscribes then."""
        deadline = time.monotonic() + SUBSCRIBED_SECONDS
        while (subscribed := await self._redis.subscribers(CHANNEL)) != clients:
            if time.monotonic() > deadline:
                raise BenchError(f"the peer has {subscribed:,} subscriptions for {clients:,} clients")
            await asyncio.sleep(POLL_SECONDS)  # it does not tell

    def cpu_seconds(self) -> dict[str, float]:
        times = {name: process.cpu_times() for name, process in self._processes.items()}
        return {name: each.user + each.system for name, each in times.items()}

    def resident_bytes(self) -> dict[str, int]:
        return {name: resident_bytes(process) for name, process in self._processes.items()}


@asynccontextmanager
async def running_peer() -> AsyncGenerator[Peer]:
    """Install it, start it, and leave nothing of it behind.

    Raises:
        BenchError: it cannot be had on this machine. The message says why.
    """
    async with environment() as python, running_redis(await redis_server(python)) as redis:
        port = free_ports(1)[0]
        where = ("--host", HOST, "--port", str(port))
        uvicorn = await Process.start(
            (
                *(str(python), "-m", "uvicorn", "tests.bench.peers.app:app", *where),
                *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
            ),
            environ={**os.environ, "REDIS_URL": redis.url},
        )
        try:
            await uvicorn.ready(lambda: _answers(port), READY_SECONDS)
            _, versions = await get(HOST, port, "/versions")
            yield Peer(port, uvicorn, redis, msgspec.json.decode(versions, type=dict[str, str]))
        finally:
            await asyncio.shield(uvicorn.stop(STOP_SECONDS))


async def _answers(port: int) -> bool:
    try:
        status, _ = await get(HOST, port, "/versions")
    except OSError:
        return False
    return status == 200
