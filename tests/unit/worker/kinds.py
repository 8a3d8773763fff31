"""Kinds that say how many of them run at a time."""

from __future__ import annotations

import asyncio
import threading

import msgspec

from headrace.task import Context, SyncContext, task

PAUSE_SECONDS = 0.003  # long enough for others to run beside it


class Nothing(msgspec.Struct, frozen=True):
    """No input."""


_running = 0
_lock = threading.Lock()


@task()
async def noop(input: Nothing, context: Context) -> None:
    pass


@task()
async def together(input: Nothing, context: Context) -> int:
    """How many of these run when this one does."""
    global _running
    _running += 1
    try:
        await asyncio.sleep(PAUSE_SECONDS)
        return _running
    finally:
        _running -= 1


_threads = 0


@task()
def together_in_threads(input: Nothing, context: SyncContext) -> int:
    """How many of these run when this one does."""
    global _threads
    with _lock:
        _threads += 1
    threading.Event().wait(PAUSE_SECONDS)
    with _lock:
        seen = _threads
        _threads -= 1
    return seen
