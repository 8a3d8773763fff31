"""How soon a task starts while the retention removes a fifth of a large read model."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import asyncpg

from tests.bench.errors import BenchError
from tests.bench.life.fair import starts_of, submit_paced
from tests.bench.report import Figure, Report, Target, percentile
from tests.bench.scale.loading import set_retention
from tests.bench.sizes import Sizes
from tests.bench.stack import Stack

KEPT_DAYS = 90
PASS_PATIENCE_SECONDS = 90.0  # a pass begins once a minute
REMOVE_SECONDS = 900.0
POLL_SECONDS = 0.5
RATIO_TARGET = Target(most=2)

_OLD = f"SELECT count(*) FROM tasks WHERE finished_at < now() - interval '{KEPT_DAYS} days'"


async def remove_old(report: Report, stack: Stack, sizes: Sizes) -> None:
    """Submit to handler start with nothing else, then while what is too old is removed."""
    alone = await _start_latencies(stack, sizes)
    connection: Any = await asyncpg.connect(stack.up.running.database_url)
    old = await connection.fetchval(_OLD)
    await set_retention(stack, KEPT_DAYS)
    await _until_below(connection, old, PASS_PATIENCE_SECONDS)
    began, left_first = time.monotonic(), await connection.fetchval(_OLD)
    beside = await _start_latencies(stack, sizes)
    left = await connection.fetchval(_OLD)
    await _until_below(connection, 1, REMOVE_SECONDS)
    rate = left_first / (time.monotonic() - began)
    await connection.close()
    ratio = percentile(beside, 99) / percentile(alone, 99)
    report.figures.append(
        Figure(
            name=f"submit to handler start, p99, while {old:,} tasks are removed",
            measured=f"{percentile(beside, 99):.2f} ms",
            yardstick=f"{ratio:.2f} x without, {percentile(alone, 99):.2f} ms; {rate:,.0f} tasks/s removed",
            value=ratio,
            unit="x",
            target=RATIO_TARGET,
            detail={"alone": _percentiles(alone), "beside": _percentiles(beside), "old": old, "per_second": rate},
        )
    )
    if not left:
        report.notes.append("remove: everything was gone before the paced tasks were; the ratio is of a part of them")


async def _start_latencies(stack: Stack, sizes: Sizes) -> list[float]:
    start = await stack.drained()
    samples = await submit_paced(stack, sizes)
    await stack.drained()
    finishes = await stack.finishes(start, "timed", [each.task for each in samples])
    return [(started - sample.due) / 1e6 for sample, started in starts_of(samples, finishes)]


async def _until_below(connection: Any, count: int, patience: float) -> None:
    deadline = time.monotonic() + patience
    while await connection.fetchval(_OLD) >= count:
        if time.monotonic() > deadline:
            raise BenchError(f"after {patience:g} s there are still {count:,} old tasks or more")
        await asyncio.sleep(POLL_SECONDS)


def _percentiles(values: list[float]) -> dict[str, float]:
    return {f"p{each:g}": percentile(values, each) for each in (50, 90, 99, 99.9, 100)}
