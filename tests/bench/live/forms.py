"""Brief streams beside full ones: the CPU time that the API takes for a delivery, to one sort of clients and to both together."""

from __future__ import annotations

import statistics

from tests.bench.errors import BenchError
from tests.bench.live.headrace import Progressing
from tests.bench.report import Figure, Report, Target, spread
from tests.bench.servers.fan_out import fan_out
from tests.bench.sizes import Sizes
from tests.bench.stack import Stack

PER_SECOND = 40  # events to each client
PATIENCE_SECONDS = 30.0
RATIO_TARGET = Target(most=1.15)
SORTS = {
    "brief": (Progressing.BRIEF, ""),
    "half brief": (Progressing.FULL, Progressing.BRIEF),
}


async def forms(report: Report, stack: Stack, sizes: Sizes) -> None:
    """Rounds alternate, and the median ratio to the full round of the same turn is judged."""
    ratios: dict[str, list[float]] = {name: [] for name in SORTS}
    for turn in range(sizes.rounds):
        full = await _round(stack, sizes, Progressing.FULL, "")
        for name, (path, other) in SORTS.items():
            used = await _round(stack, sizes, path, other)
            ratios[name].append(used / full)
            report.say(f"forms, turn {turn + 1}: {name} {used:.1f} us a delivery, full {full:.1f}")
    for name, found in ratios.items():
        report.figures.append(
            Figure(
                name=f"CPU of the API for a delivery, {name} clients",
                measured=spread(found, "x", 2),
                yardstick=f"all clients follow in full; {sizes.clients:,} clients x {PER_SECOND} events/s",
                value=statistics.median(found),
                unit="x",
                target=RATIO_TARGET,
                detail={"ratios": found},
            )
        )


async def _round(stack: Stack, sizes: Sizes, path: str, other_path: str) -> float:
    server = Progressing(stack, path)
    measured = await fan_out(
        server, sizes.clients, PER_SECOND, sizes.fan_seconds, PATIENCE_SECONDS, other_path=other_path
    )
    if measured.result.missing:
        raise BenchError(f"{measured.result.missing:,} deliveries are missing")
    return measured.cpu_microseconds["api"]
