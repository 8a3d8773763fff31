"""Find out from outside that a program is there and does nothing.

A process can live and not work: a handler holds the interpreter in a C call, or its event loop has ended and a thread keeps it.
Nothing inside such a process can be relied upon to notice, so it is asked over HTTP.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

PROBE_INTERVAL_SECONDS = 4.0  # also the longest that an answer may take
MISSES_MAX = 4  # in a row, so 16 s: far more than a busy machine takes, and a new process is there within half a minute
START_SECONDS = 300.0  # for the first answer; a process may wait that long for servers that start with it

Probe = Callable[[], Awaitable[str | None]]
"""Asks a program whether it lives; returns None when it says so, or what came instead."""


async def until_unresponsive(probe: Probe) -> str:
    """Ask again and again, and return when the program has not answered for too long.

    What counts is the number of questions and not the time: after a machine has slept, or this process was stopped for a
    while, the program is given as many chances as ever.

    Returns:
        What is wrong, to be said after the program's name.
    """
    if (why := await _until_first_answer(probe)) is not None:
        return f"has not answered since it was started, {START_SECONDS:g} s ago ({why})"
    misses = 0
    while misses < MISSES_MAX:
        why = await _ask(probe)
        misses = 0 if why is None else misses + 1
    return f"lives and does not answer ({why}, {MISSES_MAX} times in a row)"


async def _until_first_answer(probe: Probe) -> str | None:
    """Wait until a program has answered once; returns why not if it never does."""
    deadline = time.monotonic() + START_SECONDS
    while (why := await _ask(probe)) is not None:
        if time.monotonic() > deadline:
            return why
    return None


async def _ask(probe: Probe) -> str | None:
    """Ask once, which takes as long as the interval, so that questions come at the same pace however they are answered."""
    pause = asyncio.create_task(asyncio.sleep(PROBE_INTERVAL_SECONDS))
    try:
        async with asyncio.timeout(PROBE_INTERVAL_SECONDS):
            why = await probe()
    except TimeoutError:
        why = "no answer"
    await pause
    return why
