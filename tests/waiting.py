"""Waiting for what a test expects to happen, without guessing how long it takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
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
