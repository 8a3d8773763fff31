"""The worker: its handler does nothing but read the clock, in nanoseconds since 1970."""

from __future__ import annotations

import os
import time

from saq import Queue
from saq.types import Context

CONCURRENCY = 50  # the default is ten jobs at a time

queue = Queue.from_url(os.environ["REDIS_URL"])


async def timed(ctx: Context, *, text: str) -> dict[str, int]:
    """Do nothing, and say when."""
    started = time.time_ns()
    return {"started": started, "ended": time.time_ns()}


async def say_ready(ctx: Context) -> None:
    """Say that the worker is there."""
    print("ready", flush=True)


settings = {"queue": queue, "functions": [timed], "concurrency": CONCURRENCY, "startup": say_ready}
