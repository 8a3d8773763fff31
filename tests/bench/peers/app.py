"""The application: ``uvicorn tests.bench.peers.app:app``, with `REDIS_URL` in the environment.

Nothing of Headrace is imported here, and nothing of the bench: its environment has neither.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from importlib.metadata import version

from fastapi import FastAPI
from redis.asyncio import Redis
from sse_starlette import EventSourceResponse

CHANNEL = "events"
CONNECTIONS_MAX = 20_000  # redis-py's own limit is 100 a process, and every client has one here
PACKAGES = ("fastapi", "sse-starlette", "redis", "hiredis", "uvicorn", "uvloop", "httptools")

app = FastAPI()
redis: Redis = Redis.from_url(os.environ["REDIS_URL"], decode_responses=True, max_connections=CONNECTIONS_MAX)


@app.get("/events")
async def events() -> EventSourceResponse:
    """Follow everything from now."""
    return EventSourceResponse(_published())


@app.get("/versions")
async def versions() -> dict[str, str]:
    """What this is made of."""
    return {package: version(package) for package in PACKAGES}


async def _published() -> AsyncGenerator[dict[str, str]]:
    async with redis.pubsub(ignore_subscribe_messages=True) as pubsub:
        await pubsub.subscribe(CHANNEL)
        async for message in pubsub.listen():
            yield {"event": "logged", "data": message["data"]}
