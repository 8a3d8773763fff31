from __future__ import annotations

import time

import msgspec

from headrace.task import Context, task


class Timed(msgspec.Struct, frozen=True):
    """Do nothing, and say when."""

    text: str


class Times(msgspec.Struct, frozen=True):
    """Nanoseconds since 1970."""

    started: int
    ended: int


@task()
async def timed(input: Timed, context: Context) -> Times:
    """Its first and its last instruction read the clock."""
    started = time.time_ns()
    return Times(started, time.time_ns())
