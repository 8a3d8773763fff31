"""How much the renderer works for a frame while somebody scrolls through a long list and tasks flow past.

    uv run just scrolling --url http://127.0.0.1:8080 --key hr_… --password … --rate 100

It wants a running installation with the built app (`headrace up`). It fills the account with tasks until there are enough rows, submits
tasks at the rate, scrolls by 60 px a frame over all rows that were loaded, and prints, in milliseconds of the main thread for a frame
(the CPU time of the renderer's main thread, over the frames that were drawn): the median and the worst of three rounds.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
from typing import Any

import httpx
from playwright.async_api import Page

from tests.browser.page import chromium

KIND = "text_feedback"
PIXELS_A_FRAME = 60
ROUNDS = 3
BATCHES_A_SECOND = 4
SIGN_IN = """
async ([email, password]) => (await fetch("/api/v1/session", {method: "POST",
  headers: {"X-Headrace-CSRF": "1", "Content-Type": "application/json"},
  body: JSON.stringify({email, password, cookies: true})})).status
"""
SCROLL = """
async ([pixels, rows]) => {
  window.scrollTo(0, 0);
  let frames = 0;
  const began = performance.now();
  const waits = [];
  let before = began;
  await new Promise((resolve) => {
    function step(now) {
      waits.push(now - before);
      before = now;
      frames += 1;
      window.scrollBy(0, pixels);
      if (window.scrollY < rows * 36 - window.innerHeight) requestAnimationFrame(step);
      else resolve();
    }
    requestAnimationFrame(step);
  });
  waits.sort((one, other) => one - other);
  return {frames, seconds: (performance.now() - began) / 1000, p95: waits[Math.floor(waits.length * 0.95)]};
}
"""


async def _fill(http: httpx.AsyncClient, rows: int) -> None:
    answer = await http.get("/bff/v1/member/tasks", params={"limit": 1})
    missing = rows - answer.json()["matched"]["count"]
    if missing > 0:
        inputs = [{"text": f"Row {number}: water"} for number in range(missing)]
        (await http.post("/api/v1/batches", json={"kind": KIND, "inputs": inputs})).raise_for_status()


async def _flow(http: httpx.AsyncClient, rate: int) -> None:
    """Submit tasks at a rate until the end."""
    loop, number = asyncio.get_running_loop(), 0
    due = loop.time()
    while True:
        inputs = [{"text": f"Flow {number + each}: water"} for each in range(rate // BATCHES_A_SECOND)]
        await http.post("/api/v1/batches", json={"kind": KIND, "inputs": inputs})
        number += len(inputs)
        due += 1 / BATCHES_A_SECOND
        await asyncio.sleep(max(0.0, due - loop.time()))


async def _busy_seconds(devtools: Any) -> dict[str, float]:
    found = await devtools.send("Performance.getMetrics")
    return {each["name"]: each["value"] for each in found["metrics"]}


async def _load_rows(page: Page, rows: int) -> None:
    """Scroll on until so many rows are there."""
    wanted = f"document.documentElement.scrollHeight >= {rows * 36}"
    while not await page.evaluate(wanted):
        await page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
        await page.wait_for_timeout(200)


async def _measure(page: Page, rows: int) -> tuple[float, dict[str, float]]:
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Performance.enable", {"timeDomain": "threadTicks"})
    before = await _busy_seconds(devtools)
    scrolled = await page.evaluate(SCROLL, [PIXELS_A_FRAME, rows])
    after = await _busy_seconds(devtools)
    busy = after["TaskDuration"] - before["TaskDuration"]
    parts = {
        name.removesuffix("Duration"): (after[name] - before[name]) * 1000 / scrolled["frames"]
        for name in ("ScriptDuration", "LayoutDuration", "RecalcStyleDuration")
    }
    return busy * 1000 / scrolled["frames"], {**parts, **scrolled}


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8080")
    parser.add_argument("--email", default="admin@localhost")
    parser.add_argument("--password", required=True)
    parser.add_argument("--key", required=True)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--rate", type=int, default=100)
    asked = parser.parse_args()
    headers = {"Authorization": f"Bearer {asked.key}"}
    async with (
        httpx.AsyncClient(base_url=asked.url, headers=headers, timeout=30) as http,
        chromium() as browser,
    ):
        await _fill(http, asked.rows)
        context = await browser.new_context(viewport={"width": 1280, "height": 800})
        page = await context.new_page()
        await page.goto(f"{asked.url}/sign-in")
        assert await page.evaluate(SIGN_IN, [asked.email, asked.password]) == 201
        await page.goto(f"{asked.url}/tasks")
        await page.locator("[data-task]").first.wait_for()
        await _load_rows(page, asked.rows)
        for rate in (0, asked.rate):
            flow = asyncio.create_task(_flow(http, rate)) if rate else None
            if flow is not None:
                await page.wait_for_timeout(2_000)
            rounds = [await _measure(page, asked.rows) for _ in range(ROUNDS)]
            if flow is not None:
                flow.cancel()
            each = [busy for busy, _ in rounds]
            print(f"{rate:>4} tasks/s: {statistics.median(each):5.1f} ms a frame, worst of {ROUNDS} {max(each):5.1f}")
            for busy, parts in rounds:
                print(f"      {busy:5.1f}  " + "  ".join(f"{name} {value:.1f}" for name, value in parts.items()))


if __name__ == "__main__":
    asyncio.run(main())
