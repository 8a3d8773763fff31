"""Kinds that end as few do."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress

from headrace.task import Context, SyncContext, task
from tests.unit.worker.kinds import Nothing


@task()
async def awaits_what_was_cancelled(input: Nothing, context: Context) -> None:
    inner = asyncio.create_task(asyncio.Event().wait())
    inner.cancel()
    await inner


@task()
async def cancels_itself(input: Nothing, context: Context) -> None:
    _cancel_this_task()
    await asyncio.Event().wait()


@task()
async def cancels_itself_and_raises(input: Nothing, context: Context) -> None:
    _cancel_this_task()
    raise ValueError("of its own")


@task(timeout=0.2)
async def cancels_itself_and_goes_on_for_ever(input: Nothing, context: Context) -> None:
    _cancel_this_task()
    with suppress(asyncio.CancelledError):
        await asyncio.sleep(0)
    await asyncio.Event().wait()


@task()
async def cancels_itself_and_returns(input: Nothing, context: Context) -> str:
    _cancel_this_task()
    return "returned"


def _cancel_this_task() -> None:
    current = asyncio.current_task()
    assert current is not None
    current.cancel()


@task()
async def exits(input: Nothing, context: Context) -> None:
    sys.exit(3)


@task()
def exits_in_thread(input: Nothing, context: SyncContext) -> None:
    sys.exit(3)


@task()
async def says_what_has_no_json_form(input: Nothing, context: Context) -> None:
    await context.progress(0.5, "reading caf\udce9.txt")
