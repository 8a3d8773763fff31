"""What it costs to have Headrace stand ready: the command as users give it, with the kinds that are shipped."""

from __future__ import annotations

import statistics
from pathlib import Path

from headrace.settings import Settings
from headrace.task import load_kinds
from tests.bench.processes import SERVERS, memory_bytes, quiet
from tests.bench.report import Figure, Report, Target, spread
from tests.bench.sizes import Sizes
from tests.bench.stack import running

COMMAND = ("headrace", "up", "--home", "{home}", "--port", "{port}")
READY_TARGET = Target(most=8)
MEMORY_TARGET = Target(most=350)


async def idle(report: Report, home: Path, sizes: Sizes) -> None:
    """The time of later starts, and the memory of the last."""
    kinds = set(load_kinds(Settings().consumers))
    async with running(home, *COMMAND) as up:
        first = up.ready_seconds
        await up.announced(kinds)
    ready: list[float] = []
    for count in range(1, sizes.starts + 1):
        async with running(home, *COMMAND) as up:
            ready.append(up.ready_seconds)
            await up.announced(kinds)
            report.say(f"start {count} of {sizes.starts}: ready after {up.ready_seconds:.1f} s")
            if count == sizes.starts:
                await quiet(up)
                memory = {name: size / 1e6 for name, size in memory_bytes(up.running).items()}
    ours = {name: size for name, size in memory.items() if name not in SERVERS.values()}
    report.figures += [
        Figure(
            name="up ready, later starts",
            measured=spread(ready, "s", 1),
            yardstick=f"first start {first:.1f} s",
            value=statistics.median(ready),
            unit="s",
            target=READY_TARGET,
            detail={"first": first, "later": ready},
        ),
        Figure(
            name="memory, idle",
            measured=f"{sum(ours.values()):.0f} MB",
            yardstick=", ".join(f"{name} {memory.get(name, 0):.0f} MB" for name in SERVERS.values()),
            value=sum(ours.values()),
            unit="MB",
            target=MEMORY_TARGET,
            detail=memory,
        ),
    ]
    parts = ", ".join(f"{name} {size:.0f}" for name, size in sorted(ours.items(), key=lambda item: -item[1]))
    report.notes.append(f"memory MB: {parts}; kinds: {', '.join(sorted(kinds))}")
