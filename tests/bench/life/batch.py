"""How long it takes to have very many tasks accepted at once."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress

import psutil

from tests.bench.life.calls import PATIENCE_SECONDS, Calls, Submitted, calling
from tests.bench.processes import resident_bytes
from tests.bench.report import Figure, Report, Target, spread
from tests.bench.sizes import Sizes
from tests.bench.stack import Stack

BATCH_TARGET = Target(most=1.5)
SAMPLE_SECONDS = 0.02  # between two looks at the memory


async def batch(report: Report, stack: Stack, sizes: Sizes) -> None:
    """Seconds to the 202 of a batch as JSON, and of a large one as NDJSON; the worker runs the tasks meanwhile."""
    async with calling(stack) as calls:
        start = await stack.drained()
        await _finished(stack, calls, await calls.submit("noop", sizes.warm_up), start)
        rounds: list[Submitted] = []
        for count in range(1, sizes.rounds + 1):
            start = await stack.drained()
            rounds.append(await calls.submit("noop", sizes.batch))
            await _finished(stack, calls, rounds[-1], start)
            report.say(f"batch {count} of {sizes.rounds}: {rounds[-1].seconds:.2f} s")
        start = await stack.drained()
        async with _memory(stack) as resident:
            before = resident[-1]
            large = await calls.submit_lines("noop", sizes.large_batch)
            after = resident[-1]
        await _finished(stack, calls, large, start)
        report.say(f"batch of {sizes.large_batch:,}: {large.seconds:.2f} s")
    seconds = [each.seconds for each in rounds]
    report.figures += [
        Figure(
            name=f"batch of {sizes.batch:,}, JSON, to 202",
            measured=spread(seconds, "s", 2),
            yardstick=f"{sizes.batch / statistics.median(seconds):,.0f} tasks/s, body {rounds[0].size / 1e6:.2f} MB",
            value=statistics.median(seconds),
            unit="s",
            target=BATCH_TARGET,
            detail={"tasks": sizes.batch, "bytes": rounds[0].size, "seconds": seconds},
        ),
        Figure(
            name=f"batch of {sizes.large_batch:,}, NDJSON, to 202",
            measured=f"{large.seconds:.2f} s",
            yardstick=f"{sizes.large_batch / large.seconds:,.0f} tasks/s, body {large.size / 1e6:.2f} MB",
            detail={"tasks": sizes.large_batch, "bytes": large.size, "seconds": large.seconds},
        ),
        Figure(
            name="memory of the API, growth meanwhile",
            measured=f"{(max(resident) - before) / 1e6:.1f} MB at most",
            yardstick=f"{before / 1e6:.1f} MB resident before, {after / 1e6:.1f} MB at the 202",
            detail={"before": before, "most": max(resident), "after": after},
        ),
    ]


async def _finished(stack: Stack, calls: Calls, submitted: Submitted, start: int) -> None:
    """Wait until all tasks of a batch are done, once and well."""
    await stack.drained(PATIENCE_SECONDS)
    await stack.finishes(start, "noop", submitted.tasks)
    await calls.succeeded(submitted)


@asynccontextmanager
async def _memory(stack: Stack) -> AsyncGenerator[list[int]]:
    """Samples of the API's resident set size, in bytes, as long as it is measured; the first is there at once."""
    api = psutil.Process(stack.up.running.children["api"].pid)
    samples = [resident_bytes(api)]

    async def sample() -> None:
        while True:
            samples.append(resident_bytes(api))
            await asyncio.sleep(SAMPLE_SECONDS)

    sampling = asyncio.create_task(sample())
    try:
        yield samples
    finally:
        sampling.cancel()
        with suppress(asyncio.CancelledError):
            await sampling
