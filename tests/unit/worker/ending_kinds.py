"""Kinds that end as few do."""

from __future__ import annotations

import asyncio
import sys

from headrace.task import Context, SyncContext, task
from tests.unit.worker.kinds import Nothing


@task()
async def awaits_what_was_cancelled(input: Nothing, context: Context) -> None:
    inner = asyncio.create_task(asyncio.Event().wait())
    inner.cancel()
    await inner


@task()
async def exits(input: Nothing, context: Context) -> None:
    sys.exit(3)


@task()
def exits_in_thread(input: Nothing, context: SyncContext) -> None:
    sys.exit(3)


@task()
async def says_what_has_no_json_form(input: Nothing, context: Context) -> None:
    await context.progress(0.5, "reading caf\udce9.txt")
