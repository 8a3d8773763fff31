"""A million finished tasks: how fast they are listed, projected, followed and removed, and what memory they take.

The log is written by the bench as an API and workers would have written it, for kinds that nobody runs, and projected by the
projector of the `up` that is measured. The broker says when an event happened, so all of it happened within the load, but for the
tasks whose finish says a time of its own: every fifth one finished a hundred days ago, and is removed at the end.
"""

from __future__ import annotations

from tests.bench.report import Report
from tests.bench.scale.loading import load_tasks
from tests.bench.scale.memory import keep_some
from tests.bench.scale.reading import read_pages
from tests.bench.scale.removing import remove_old
from tests.bench.sizes import Sizes
from tests.bench.stack import bench_stack, temporary_home

PARTS = ("load", "read", "remove", "memory")
TIMES_KEPT = 4  # as many tasks finish as the log keeps; half a million of two million
LOADED = frozenset({"load", "read", "remove"})


async def scale(report: Report, sizes: Sizes, parts: frozenset[str]) -> None:
    """Load the tasks, which most parts need, and measure the given parts."""
    if parts & LOADED:
        with temporary_home() as home:
            async with bench_stack(home, max_tasks=0) as stack:
                await load_tasks(report, stack, sizes.finished)
                if "read" in parts:
                    await read_pages(report, stack, sizes.finished)
                if "remove" in parts:
                    await remove_old(report, stack, sizes)
    if "memory" in parts:
        limit = sizes.logged // TIMES_KEPT
        with temporary_home() as home:
            async with bench_stack(home, max_tasks=limit) as stack:
                await keep_some(report, stack, sizes.logged, limit)
