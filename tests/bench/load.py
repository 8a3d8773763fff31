"""The load client, run as a process of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import msgspec

from headrace.embedded.process import Process
from tests.bench.client.plans import FOLLOWING, Hold, Plan, Result
from tests.bench.errors import BenchError

LOAD_SECONDS = 300.0


async def load(plan: Plan, once_following: Callable[[], Awaitable[None]] | None = None) -> Result:
    """Run the load client.

    Args:
        plan: What it does.
        once_following: What to do as soon as all of its clients follow; a client that holds on ends after that.

    Raises:
        BenchError: it failed. The message has its own.
    """
    following = asyncio.Event()

    def on_line(line: str) -> None:
        if line == FOLLOWING:
            following.set()

    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as directory:
        result = Path(directory) / "result.json"
        argv = (sys.executable, "-m", "tests.bench.client", msgspec.json.encode(plan).decode(), str(result))
        client = await Process.start(argv, on_line=on_line)
        ending = asyncio.create_task(client.finish(LOAD_SECONDS))
        try:
            if once_following is not None:
                waiting = asyncio.create_task(following.wait())
                await asyncio.wait({waiting, ending}, return_when=asyncio.FIRST_COMPLETED)
                waiting.cancel()
                if following.is_set():
                    await once_following()
                    if isinstance(plan, Hold):
                        client.send(signal.SIGUSR1)
            code = await ending
        finally:
            ending.cancel()
            with suppress(asyncio.CancelledError):
                await ending
        if code != 0:
            raise BenchError(f"the load client failed: {client.last_line()}")
        return msgspec.json.decode(result.read_bytes(), type=Result)
