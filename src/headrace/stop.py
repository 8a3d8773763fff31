"""How a process learns that it is to stop."""

from __future__ import annotations

import asyncio
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Any, TypeVar

from headrace.telemetry import get_logger

CANCEL_AGAIN_SECONDS = 0.1  # nats-py may lose a cancellation, between two attempts to connect

T = TypeVar("T")

log = get_logger(__name__)


class Stop(asyncio.Event):
    """Is set when the process is told to stop.

    Attributes:
        again: Is set when it is told once more, as by somebody who does not want to wait.
    """

    def __init__(self) -> None:
        super().__init__()
        self.again = asyncio.Event()

    def tell(self) -> None:
        """Tell the process to stop, or tell it again."""
        if self.is_set():
            self.again.set()
        self.set()


async def enter_unless_stopped(
    stack: AsyncExitStack, opening: AbstractAsyncContextManager[T], stop: asyncio.Event
) -> T | None:
    """Enter a context on a stack; return None when the process is told to stop before, as while NATS is away.

    A process that is still opening its parts has nothing to drain, and nobody waits a minute for it.
    """
    entering = asyncio.create_task(stack.enter_async_context(opening), name="open")
    await until_done_or_stopped(entering, stop)
    if entering.done():
        return await entering
    while not entering.done():
        entering.cancel()
        await asyncio.wait({entering}, timeout=CANCEL_AGAIN_SECONDS)
    log.info("stopped before it was open")
    return None


async def until_done_or_stopped(work: asyncio.Task[Any], stop: asyncio.Event) -> None:
    """Return when some work has ended by itself, or when the process is told to stop."""
    stopping = asyncio.create_task(stop.wait(), name="stop")
    await asyncio.wait({work, stopping}, return_when=asyncio.FIRST_COMPLETED)
    stopping.cancel()
