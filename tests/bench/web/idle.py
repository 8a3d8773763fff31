"""What a page costs on which nothing happens."""

from __future__ import annotations

import asyncio

from tests.bench.processes import quiet
from tests.bench.report import Figure, Report, Target
from tests.bench.sizes import Sizes
from tests.bench.stack import Stack
from tests.bench.web.visitor import Visitor, renderer_seconds

SETTLE_SECONDS = 5.0
SCREENS = {"dashboard": "/", "tasks": "/tasks"}
IDLE_TARGET = Target(most=1)


async def idle(report: Report, stack: Stack, visitor: Visitor, sizes: Sizes) -> None:
    """CPU time of the renderer, all of its threads, as a share of one core."""
    for name, path in SCREENS.items():
        async with visitor.page(path) as page:
            await page.wait_for_load_state("networkidle")
            await quiet(stack.up)
            await asyncio.sleep(SETTLE_SECONDS)  # what a page does once after its start is not what an idle page does
            before = renderer_seconds()
            await asyncio.sleep(sizes.idle_seconds)
            share = (renderer_seconds() - before) / sizes.idle_seconds * 100
        report.say(f"idle {name}: {share:.2f} % of a core")
        report.figures.append(
            Figure(
                name=f"idle page, {name}",
                measured=f"{share:.2f} % of a core",
                yardstick=f"over {sizes.idle_seconds} s",
                value=share,
                unit="%",
                target=IDLE_TARGET,
            )
        )
