"""Kinds with large inputs and large results."""

from __future__ import annotations

import msgspec

from headrace.task import Backoff, Context, SyncContext, task

QUICKLY = Backoff(initial=0.05, factor=1, maximum=0.05)


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Takes nothing."""


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A text that is given back, as often as is said."""

    text: str
    times: int = 1
    fail_first: bool = False


@task(max_attempts=2, backoff=QUICKLY)
async def repeat_text(input: Text, context: Context) -> str:
    if input.fail_first and context.attempt == 1:
        raise ValueError("once more")
    return input.text * input.times


@task(process=True)
def repeat_text_in_process(input: Text, context: SyncContext) -> str:
    return input.text * input.times


@task()
async def talk_and_save(input: Text, context: Context) -> str:
    """Have a file of each role: lines, chunks, an input and a result that are too large, and one that is saved."""
    await context.log("a line")
    await context.emit("a chunk")
    await context.save("saved.txt", b"saved", "text/plain")
    return input.text


@task(timeout=2, max_attempts=2, backoff=QUICKLY, retry_on=())
async def save_large_result(input: Nothing, context: Context) -> str:
    """Return a result that is too large for an event."""
    return "x" * (300 << 10)
