"""What a frame costs while somebody scrolls through a long list, with and without tasks that flow past."""

from __future__ import annotations

import asyncio
import statistics
from typing import Any

import httpx
from playwright.async_api import Page

from tests.bench.client.plans import Paced
from tests.bench.load import load
from tests.bench.processes import quiet
from tests.bench.report import Figure, Report, Target, spread
from tests.bench.sizes import Sizes
from tests.bench.stack import Stack
from tests.bench.web.visitor import MainThread, Visitor

ROWS = 2_000
ROW_PIXELS = 36
PIXELS_A_FRAME = 60
ROUNDS = 3
RATES = (0, 100)
# Longer than the rounds take; the client is ended after them.
FLOW_SECONDS = 120
INPUT = '{"kind":"timed","input":{"text":"the quick brown fox"}}'
SETTLE_SECONDS = 4.0
FRAME_TARGET = Target(most=12)
SCROLL = """
async ([pixels, rows]) => {
  window.scrollTo(0, 0);
  let frames = 0;
  const began = performance.now();
  await new Promise((resolve) => {
    function step() {
      frames += 1;
      window.scrollBy(0, pixels);
      if (window.scrollY < rows - window.innerHeight) requestAnimationFrame(step);
      else resolve();
    }
    requestAnimationFrame(step);
  });
  return {frames, seconds: (performance.now() - began) / 1000};
}
"""


async def scroll(report: Report, stack: Stack, visitor: Visitor, sizes: Sizes) -> None:
    """CPU time of the main thread for a frame that was drawn."""
    inputs = [{"text": f"row {number}"} for number in range(ROWS)]
    async with httpx.AsyncClient(base_url=visitor.url, headers=stack.up.signed, timeout=30) as http:
        (await http.post("/api/v1/batches", json={"kind": "noop", "inputs": inputs})).raise_for_status()
    await stack.drained()
    await quiet(stack.up)
    async with visitor.page("/tasks") as page:
        await page.locator("[data-task]").first.wait_for()
        await _load_rows(page)
        for rate in RATES:
            flow = asyncio.create_task(_flow(stack, rate)) if rate else None
            if flow is not None:
                await asyncio.sleep(SETTLE_SECONDS)  # the client has to start, and its first tasks have to come
            rounds = [await _round(page) for _ in range(ROUNDS)]
            if flow is not None:
                flow.cancel()
                await asyncio.wait({flow})
            _report(report, rate, rounds)


def _report(report: Report, rate: int, rounds: list[dict[str, float]]) -> None:
    busy = [each["all"] for each in rounds]
    per_second = statistics.median(each["frames"] / each["seconds"] for each in rounds)
    parts = ", ".join(
        f"{name} {statistics.median(each[name] for each in rounds):.1f}" for name in ("script", "layout", "style")
    )
    report.say(f"scrolling, {rate} tasks/s: {spread(busy, 'ms', 1)} a frame")
    report.figures.append(
        Figure(
            name=f"scrolling {ROWS:,} rows, {rate} tasks/s, CPU of a frame",
            measured=spread(busy, "ms", 1),
            yardstick=f"{parts}; {per_second:.0f} frames/s",
            value=statistics.median(busy),
            unit="ms",
            target=FRAME_TARGET,
            detail={"rounds": rounds},
        )
    )


async def _flow(stack: Stack, rate: int) -> None:
    plan = Paced(
        port=stack.up.port, body=INPUT, requests=rate * FLOW_SECONDS, warm_up=0, interval=1 / rate, followed=False
    )
    await load(plan)


async def _load_rows(page: Page) -> None:
    """Scroll on until all rows are there."""
    await page.wait_for_function(
        """(pixels) => {
          window.scrollTo(0, document.documentElement.scrollHeight);
          return document.documentElement.scrollHeight >= pixels;
        }""",
        arg=ROWS * ROW_PIXELS,
    )


async def _round(page: Page) -> dict[str, float]:
    thread = await MainThread.of(page)
    before = await thread.seconds()
    scrolled: dict[str, Any] = await page.evaluate(SCROLL, [PIXELS_A_FRAME, ROWS * ROW_PIXELS])
    after = await thread.seconds()
    names = {
        "all": "TaskDuration",
        "script": "ScriptDuration",
        "layout": "LayoutDuration",
        "style": "RecalcStyleDuration",
    }
    spent = {name: (after[each] - before[each]) * 1000 / scrolled["frames"] for name, each in names.items()}
    return {**spent, **scrolled}
