"""The descriptors of a worker, which handlers may leak: files and sockets that they leave open.

A worker without any goes on, but no handler opens a file, no process is started and no lost connection is made again. So one
that has hardly any left for a while drains and ends, and a new one takes its place.
"""

from __future__ import annotations

import asyncio
import resource
from pathlib import Path

DIRECTORY = Path("/dev/fd")  # lists the descriptors of who reads it, on Linux and macOS
FREE_MIN = 16  # for a new connection, a file and the pipes of a process
CHECK_SECONDS = 2.0
SHORT_CHECKS = 4  # in a row; many handlers at once may have files open that they soon close


async def until_short() -> str:
    """Return when hardly any descriptors were left for `SHORT_CHECKS` checks, with a reason to end the worker."""
    short = 0
    while True:
        await asyncio.sleep(CHECK_SECONDS)
        why = find_shortage()
        short = 0 if why is None else short + 1
        if why is not None and short >= SHORT_CHECKS:
            return why


def find_shortage() -> str | None:
    """Say how many descriptors are open, when hardly any are left; None otherwise."""
    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        taken = sum(1 for _ in DIRECTORY.iterdir())
    except OSError as error:
        # It takes a descriptor to read which there are.
        return f"handlers have left so many files open that none can be opened ({error.strerror})"
    if limit == resource.RLIM_INFINITY or limit - taken >= FREE_MIN:
        return None
    return f"handlers have left files open: {taken} of {limit} descriptors are taken"
