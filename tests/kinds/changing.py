"""A kind that is limited or not, as a new version of it may be."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

from headrace.task import Context, task
from tests.kinds.plain import Gate, note

_limit = os.environ.get("HEADRACE_TEST_CONCURRENCY")


@task(timeout=120, concurrency=int(_limit) if _limit else None)
async def changing(input: Gate, context: Context) -> None:
    note(context.task_id)
    while not (Path(os.environ["HEADRACE_TEST_DIR"]) / input.name).exists():
        await asyncio.sleep(0.01)
