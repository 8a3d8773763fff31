"""Find out from outside that a program is there and does nothing.

A process can live and not work: a handler holds the interpreter in a C call, or its event loop has ended and a thread keeps it.
Nothing inside such a process can be relied upon to notice, so it is asked: our own over HTTP, NATS and Postgres in their protocols.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

PROBE_INTERVAL_SECONDS = 4.0  # also the longest that an answer may take
MISSES_MAX = 5  # in a row, so 20 s: far more than a busy machine takes, and a new process is there within half a minute
START_SECONDS = 300.0  # until it listens; a process may wait that long for servers that start with it

NO_ANSWER = "no answer"

Probe = Callable[[], Awaitable[str | None]]
"""Asks a program whether it lives; returns None when it says so, or what came instead."""


async def until_unresponsive(probe: Probe) -> str:
    """Ask again and again, and return when the program has not answered for too long.

    What counts is the number of questions and not the time: after a machine has slept, or this process was stopped for a
    while, the program is given as many chances as ever.

    Returns:
        What is wrong, to be said after the program's name.
    """
    deadline = time.monotonic() + START_SECONDS
    answered, misses = False, 0
    why: str | None = None
    while misses < MISSES_MAX:
        why = await _ask(probe)
        if why is None:
            answered, misses = True, 0
        elif answered or why == NO_ANSWER:
            # One that listens and is silent has started, and may have been stopped by the first thing that it did.
            misses += 1
        elif time.monotonic() > deadline:
            return f"has not answered since it was started, {START_SECONDS:g} s ago ({why})"
    return f"lives and does not answer ({why}, {MISSES_MAX} times in a row)"


async def _ask(probe: Probe) -> str | None:
    """Ask once, which takes as long as the interval, so that questions come at the same pace however they are answered."""
    pause = asyncio.create_task(asyncio.sleep(PROBE_INTERVAL_SECONDS))
    try:
        async with asyncio.timeout(PROBE_INTERVAL_SECONDS):
            why = await probe()
    except TimeoutError:
        why = NO_ANSWER
    await pause
    return why
