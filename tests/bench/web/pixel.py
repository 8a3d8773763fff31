"""How late somebody sees what is in the log."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from playwright.async_api import Page

from headrace.log import subjects
from headrace.log.subjects import TaskSubject
from tests.bench.client.plans import Paced
from tests.bench.errors import BenchError
from tests.bench.load import load
from tests.bench.processes import quiet
from tests.bench.report import Figure, Report, Target, percentile
from tests.bench.sizes import Sizes
from tests.bench.stack import Stack
from tests.bench.web.visitor import Visitor

PER_SECOND = 100
INPUT = '{"kind":"timed","input":{"text":"the quick brown fox"}}'
PIXEL_TARGET = Target(most=150)
SEEN_SHARE_LEAST = 0.5

# Notes when each row is drawn for the first time, and when it is drawn as over: in the frame after the change, when its pixels are.
OBSERVE = """
() => {
  const drawn = window.__drawn = {rows: {}, ends: {}};
  const look = () => requestAnimationFrame(() => setTimeout(() => {
    const now = performance.timeOrigin + performance.now();
    for (const row of document.querySelectorAll("[data-task]")) {
      const task = row.dataset.task;
      drawn.rows[task] ??= now;
      if (row.classList.contains("succeeded")) drawn.ends[task] ??= now;
    }
  }));
  new MutationObserver(look).observe(document.querySelector("main"), {
    subtree: true, childList: true, attributes: true, attributeFilter: ["class"]});
}
"""


async def pixel(report: Report, stack: Stack, visitor: Visitor, sizes: Sizes) -> None:
    """From when the log took an event of a task to the frame that shows it, in a list at its top past which tasks flow."""
    await quiet(stack.up)
    async with visitor.page("/tasks") as page:
        await page.wait_for_load_state("networkidle")
        after = (await stack.log.refresh()).last_sequence
        await page.evaluate(OBSERVE)
        plan = Paced(
            port=stack.up.port,
            body=INPUT,
            requests=PER_SECOND * sizes.paced_seconds,
            warm_up=PER_SECOND,
            interval=1 / PER_SECOND,
            followed=False,
        )
        await load(plan)
        await stack.drained()
        await _until_shown(page)
        drawn = await page.evaluate("window.__drawn")
    late = {
        "queued": _late(await _times(stack, "queued", after), drawn["rows"]),
        "finished": _late(await _times(stack, "finished", after), drawn["ends"]),
    }
    for event, milliseconds in late.items():
        if len(milliseconds) < SEEN_SHARE_LEAST * plan.requests:
            raise BenchError(f"only {len(milliseconds):,} of {plan.requests:,} tasks were seen {event}")
    both = [*late["queued"], *late["finished"]]
    shown = {each: percentile(both, each) for each in (50, 99, 100)}
    report.say(f"event to pixel: p99 {shown[99]:.0f} ms")
    of_each = ", ".join(
        f"{event} {percentile(each, 50):.0f} / {percentile(each, 99):.0f}" for event, each in late.items()
    )
    report.figures.append(
        Figure(
            name=f"event in the log to its pixels, {PER_SECOND} tasks/s, p99",
            measured=f"{shown[99]:.0f} ms",
            yardstick=f"p50 {shown[50]:.0f}, worst {shown[100]:.0f} ms; p50 / p99 of {of_each}; {len(both):,} events",
            value=shown[99],
            unit="ms",
            target=PIXEL_TARGET,
            detail={event: sorted(each) for event, each in late.items()},
        )
    )


async def _until_shown(page: Page) -> None:
    """Wait until the last events are on the screen."""
    await page.wait_for_function("() => document.querySelector('[data-task]')?.classList.contains('succeeded')")


async def _times(stack: Stack, event: str, after: int) -> dict[str, datetime]:
    subject, more, times = subjects.task_events(kind="timed", event=event), True, dict[str, datetime]()
    while more:
        page, more = await stack.log.replayer.page(subject, start=after + 1)
        times |= {TaskSubject.parse(record.subject).task: record.at for record in page}
        after = page[-1].sequence if page else after
    return times


def _late(times: dict[str, datetime], drawn: dict[str, Any]) -> list[float]:
    """Milliseconds of each task that was seen. Those that others had pushed out of the window by then were not."""
    return [drawn[task] - at.timestamp() * 1000 for task, at in times.items() if task in drawn]
