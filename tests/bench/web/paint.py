"""How soon the largest part of a screen is there, for a browser with nothing in its cache."""

from __future__ import annotations

import statistics

from tests.bench.processes import quiet
from tests.bench.report import Figure, Report, Target, spread
from tests.bench.stack import Stack
from tests.bench.web.visitor import Visitor

ROUNDS = 7
SCREENS = {"dashboard": "/", "tasks": "/tasks", "new task": "/new"}
PAINT_TARGET = Target(most=1500)


async def paint(report: Report, stack: Stack, visitor: Visitor) -> None:
    """The largest contentful paint of each screen, median of seven."""
    for name, path in SCREENS.items():
        await quiet(stack.up)
        milliseconds: list[float] = []
        for _ in range(ROUNDS):
            async with visitor.page(path) as page:
                await page.wait_for_load_state("networkidle")
                milliseconds.append(await page.evaluate("window.__seen.paint"))
        report.say(f"paint of {name}: {spread(milliseconds, 'ms')}")
        report.figures.append(
            Figure(
                name=f"largest paint of {name}, first visit",
                measured=spread(milliseconds, "ms"),
                value=statistics.median(milliseconds),
                unit="ms",
                target=PAINT_TARGET,
                detail={"milliseconds": milliseconds},
            )
        )
