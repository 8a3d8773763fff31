"""Waiting for what a test expects to happen, without guessing how long it takes."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

WAIT_SECONDS = 30.0
POLL_SECONDS = 0.02


async def until(condition: Callable[[], Any], what: str, patience: float = WAIT_SECONDS) -> Any:
    """Wait for a condition (sync or async) to hold and return what it gave."""
    deadline = time.monotonic() + patience
    while True:
        found = condition()
        if isinstance(found, Awaitable):
            found = await found
        if found:
            return found
        assert time.monotonic() < deadline, f"waited {patience:g} s in vain for {what}; the last look gave {found!r}"
        await asyncio.sleep(POLL_SECONDS)


@asynccontextmanager
async def within(seconds: float, what: str, saw: Callable[[], Any] = lambda: "") -> AsyncGenerator[None]:
    """Have a block end in time.

    Args:
        seconds: How long it may take.
        what: What it waits for.
        saw: What it has seen so far; called when it is too late.

    Raises:
        AssertionError: It did not end in time.
    """
    try:
        async with asyncio.timeout(seconds) as limit:
            yield
    except TimeoutError as error:
        if not limit.expired():
            raise
        raise AssertionError(f"waited {seconds:g} s in vain for {what}; seen so far: {saw()!r}") from error


def describe(error: BaseException) -> str:
    """What an exception is, and where it was raised; many have no text of their own."""
    frames = traceback.extract_tb(error.__traceback__)
    return f"{error!r}, raised at {frames[-1].filename}:{frames[-1].lineno}" if frames else repr(error)
