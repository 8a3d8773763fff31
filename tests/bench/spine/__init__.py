"""The spine: a task's way from the request to the browser, and what it costs to have all of it stand ready."""

from __future__ import annotations

from tests.bench.report import Report
from tests.bench.sizes import Sizes
from tests.bench.spine.burst import always, burst
from tests.bench.spine.idle import idle
from tests.bench.spine.paced import paced
from tests.bench.stack import bench_stack, temporary_home

PARTS = ("burst", "paced", "always", "idle")


async def spine(report: Report, sizes: Sizes, parts: frozenset[str]) -> None:
    """Measure the given parts."""
    with temporary_home() as home:
        if parts & {"burst", "paced"}:
            async with bench_stack(home) as stack:
                if "burst" in parts:
                    await burst(report, stack, sizes)
                if "paced" in parts:
                    await paced(report, stack, sizes)
        if "always" in parts:
            async with bench_stack(home, sync="always") as stack:
                await always(report, stack, sizes)
    if "idle" in parts:
        with temporary_home() as home:
            await idle(report, home, sizes)
