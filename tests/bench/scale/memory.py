"""The memory of NATS while many more tasks finish than the log keeps."""

from __future__ import annotations

import asyncio
import time

from headrace.log import subjects
from headrace.projector.trimming import KEPT_SECONDS
from tests.bench.errors import BenchError
from tests.bench.processes import cpu_seconds, quiet, resident_by_process
from tests.bench.report import Figure, Report
from tests.bench.scale.history import History
from tests.bench.scale.loading import owner_of, set_retention, write
from tests.bench.stack import Stack

STEPS = 4  # in which the tasks are written, with a figure after each
TRIM_SECONDS = KEPT_SECONDS + 1800.0
POLL_SECONDS = 1.0
RECORDS_OF_TASK = 3  # queued, started, finished; the few others do not matter
KEEPING = ("nats", "projector", "postgres")


async def keep_some(report: Report, stack: Stack, tasks: int, limit: int) -> None:
    """Write many times as many tasks as the log keeps, and wait until the others have left it."""
    await set_retention(stack, 0)
    await quiet(stack.up)
    before = resident_by_process(stack.up.running)["nats"]
    history, sizes = History(await owner_of(stack), has_old=False), list[float]()
    for step in range(STEPS):
        await write(report, stack, history, range(tasks * step // STEPS, tasks * (step + 1) // STEPS), tasks)
        sizes.append(resident_by_process(stack.up.running)["nats"] / 1e6)
        report.say(f"memory: NATS has {sizes[-1]:,.0f} MB, and {await _kept(stack):,} finished tasks")
    began, used, written = time.monotonic(), cpu_seconds(stack.up.running), await _kept(stack)
    kept = await _trimmed(stack, limit)
    after, spent = cpu_seconds(stack.up.running), time.monotonic() - began
    sizes.append(resident_by_process(stack.up.running)["nats"] / 1e6)
    left = max(written - kept, 1)
    costs = ", ".join(f"{name} {(after[name] - used[name]) / left * 1e6:,.0f}" for name in KEEPING)
    report.notes.append(
        f"CPU of a task that leaves the log, µs, with what else goes on: {costs}; {left:,} in {spent:,.0f} s"
    )
    report.figures.append(
        Figure(
            name=f"memory of NATS after {tasks:,} tasks",
            measured=f"{sizes[-1]:,.0f} MB, {max(sizes):,.0f} at most",
            yardstick=f"{before / 1e6:,.0f} MB before; the log keeps {kept:,} of at most {limit:,}",
            value=sizes[-1],
            unit="MB",
            detail={"steps": sizes, "before": before / 1e6},
        )
    )


async def _kept(stack: Stack) -> int:
    """How many tasks the log has, by its records. To have the server count the ends of millions would hold up all others."""
    info = await stack.log.jetstream.request(f"STREAM.INFO.{subjects.STREAM}")
    return info["state"]["messages"] // RECORDS_OF_TASK


async def _trimmed(stack: Stack, limit: int) -> int:
    """Wait until the log has no more finished tasks than it may; returns how many it has."""
    deadline = time.monotonic() + TRIM_SECONDS
    while (kept := await _kept(stack)) > limit:
        if time.monotonic() > deadline:
            raise BenchError(f"the log still has {kept:,} finished tasks, {limit:,} at most were expected")
        await asyncio.sleep(POLL_SECONDS)
    return kept
