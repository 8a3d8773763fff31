"""Kinds with limits."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from headrace.task import Context, task
from tests.kinds.plain import Gate, Nothing, noop, note, wait

__all__ = ["noop", "one_an_hour", "ten_a_second", "two_at_a_time", "wait"]


@task(timeout=120, concurrency=2)
async def two_at_a_time(input: Gate, context: Context) -> int:
    """How many run when this one begins, over all workers."""
    place = Path(os.environ["HEADRACE_TEST_DIR"])
    running = place / "running"
    running.mkdir(exist_ok=True)
    (running / context.task_id).touch()
    seen = len(list(running.iterdir()))
    while not (place / input.name).exists():
        await asyncio.sleep(0.01)
    (running / context.task_id).unlink()
    return seen


@task(rate=10)
async def ten_a_second(input: Nothing, context: Context) -> None:
    pass


@task(rate=1 / 3600)
async def one_an_hour(input: Nothing, context: Context) -> None:
    note(context.task_id)
