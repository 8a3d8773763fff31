"""Kinds of the usual mix. Each call of a handler is written down for the checker."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import msgspec

from headrace.task import Context, SyncContext, task
from tests.faults.features import OPTIONS


class Job(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An invocation by its number, and what it is to do."""

    number: int
    member: int = 0
    seconds: float = 0.2
    attempts: int = 1
    lines: int = 0
    size: int = 0
    pad: str = ""


class Expected(Exception):
    """What a handler raises that is meant to fail."""


def note(task_id: str, attempt: int) -> None:
    """Write down that a handler was called."""
    with (Path(os.environ["HEADRACE_TEST_DIR"]) / "calls").open("a") as file:
        file.write(f"{task_id} {attempt} {os.getpid()}\n")


def _retrying() -> dict[str, Any]:
    if "backoff" not in OPTIONS:
        return {}
    from headrace.task import Backoff

    return {"max_attempts": 5, "backoff": Backoff(initial=0.2, factor=2.0, maximum=1.0)}


@task()
async def instant(input: Job, context: Context) -> int:
    note(context.task_id, context.attempt)
    return input.number


@task()
async def slow(input: Job, context: Context) -> int:
    note(context.task_id, context.attempt)
    await asyncio.sleep(input.seconds)
    return input.number


@task()
def slow_in_thread(input: Job, context: SyncContext) -> int:
    note(context.task_id, context.attempt)
    context.progress(0.5, "half")
    time.sleep(input.seconds)  # noqa: TID251 - a plain function that waits
    return input.number


@task()
async def failing(input: Job, context: Context) -> None:
    note(context.task_id, context.attempt)
    raise Expected(f"invocation {input.number} fails")


@task(**_retrying())
async def flaky(input: Job, context: Context) -> int:
    note(context.task_id, context.attempt)
    if context.attempt < input.attempts:
        raise Expected(f"attempt {context.attempt} of invocation {input.number} fails")
    return input.number


@task(timeout=60)
async def long(input: Job, context: Context) -> int:
    note(context.task_id, context.attempt)
    await context.progress(0.1, "waiting to be cancelled")
    await asyncio.sleep(input.seconds)
    return input.number


@task(timeout=60)
def long_in_thread(input: Job, context: SyncContext) -> int:
    note(context.task_id, context.attempt)
    deadline = time.monotonic() + input.seconds
    while time.monotonic() < deadline and not context.cancelled:
        time.sleep(0.02)  # noqa: TID251 - a plain function that waits
    return input.number


@task()
async def chatty(input: Job, context: Context) -> int:
    note(context.task_id, context.attempt)
    for line in range(input.lines):
        await context.progress(line / input.lines, f"line {line}")
        await context.log(f"line {line}")
        await context.emit(line)
    return input.number


@task()
async def bulky(input: Job, context: Context) -> str:
    note(context.task_id, context.attempt)
    return "x" * input.size
