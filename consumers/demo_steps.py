"""Steps that take a while, for trying out what one sees of a task: progress, lines of a log, another attempt, a cancellation."""

from __future__ import annotations

import asyncio
from typing import Annotated

import msgspec

from headrace.task import Backoff, Context, Title, task


class Steps(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """So many steps, each of which waits for a while and does nothing else."""

    steps: Annotated[int, msgspec.Meta(ge=1, le=200, description="How many steps there are.")] = 12
    seconds: Annotated[float, msgspec.Meta(ge=0, le=30, description="How long each takes, in seconds.")] = 1.0
    lost: Annotated[
        int, msgspec.Meta(ge=0, le=5, description="How many attempts fail half-way. There are three in all.")
    ] = 0
    name: Title = ""


class StepsDone(msgspec.Struct, frozen=True, kw_only=True):
    """``attempt`` is the one that has come to the end, counted from 1."""

    steps: int
    attempt: int


@task(timeout=600, max_attempts=3, backoff=Backoff(initial=2))
async def demo_steps(input: Steps, context: Context) -> StepsDone:
    """Go through the steps one by one."""
    for number in range(1, input.steps + 1):
        await asyncio.sleep(input.seconds)
        await context.log(f"step {number} of {input.steps}")
        await context.progress(number / input.steps, f"step {number} of {input.steps}")
        if context.attempt <= input.lost and number * 2 >= input.steps:
            await context.log("the other side does not answer", "warning")
            raise ConnectionError("the other side does not answer")
    return StepsDone(steps=input.steps, attempt=context.attempt)
