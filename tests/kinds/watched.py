"""A kind with several things to see, each when a test lets it happen, and one with nothing."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import msgspec

from headrace.task import Context, task
from tests.kinds.plain import Nothing


class Gates(msgspec.Struct, frozen=True):
    """The names of files to wait for, one after the other."""

    names: list[str]


@task(timeout=120)
async def step_by_step(input: Gates, context: Context) -> int:
    """Say which gate it has come through, in every way there is."""
    for count, name in enumerate(input.names, 1):
        while not (Path(os.environ["HEADRACE_TEST_DIR"]) / name).exists():
            await asyncio.sleep(0.01)
        await context.log(name)
        await context.emit({"gate": name})
        await context.progress(count / len(input.names), name)
    return len(input.names)


@task()
async def say_nothing(input: Nothing, context: Context) -> None:
    pass
