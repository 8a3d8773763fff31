"""Milliseconds: one task at a time, a hundred a second, from the request to the handler and from it to the browser."""

from __future__ import annotations

from collections.abc import Sequence

from tests.bench.client.plans import Paced, PacedResult
from tests.bench.load import load
from tests.bench.report import Figure, Report, Target, percentile
from tests.bench.sizes import Sizes
from tests.bench.stack import Stack

BODY = '{"kind":"timed","input":{"text":"the quick brown fox jumps over the lazy dog"}}'
PER_SECOND = 100
STARTED_TARGETS = {50: Target(most=3), 99: Target(most=15)}
FOLLOWED_TARGETS = {50: Target(most=4), 99: Target(most=20)}


async def run_paced(stack: Stack, sizes: Sizes) -> PacedResult:
    """Submit so many tasks a second, and wait until all have ended."""
    plan = Paced(
        port=stack.up.port,
        body=BODY,
        requests=PER_SECOND * sizes.paced_seconds,
        warm_up=sizes.warm_up,
        interval=1 / PER_SECOND,
    )
    result = await load(plan)
    assert isinstance(result, PacedResult)
    await stack.drained()
    return result


async def paced(report: Report, stack: Stack, sizes: Sizes) -> None:
    """Both latencies, of the same tasks."""
    await stack.drained()
    samples = (await run_paced(stack, sizes)).samples
    late = _milliseconds([each.sent - each.due for each in samples])
    answered = _milliseconds([each.answered - each.due for each in samples])
    started = _milliseconds([each.started - each.due for each in samples])
    followed = _milliseconds([each.seen - each.ended for each in samples])
    report.say(f"paced: {len(samples):,} tasks")
    report.figures += [
        *_figures(
            "submit to 202", answered, f"sent late by p50 {percentile(late, 50):.2f}, p99 {percentile(late, 99):.2f} ms"
        ),
        *_figures("submit to handler start", started, f"{len(started):,} tasks, {PER_SECOND}/s", STARTED_TARGETS),
        *_figures("handler end to the client", followed, f"{len(followed):,} tasks, {PER_SECOND}/s", FOLLOWED_TARGETS),
    ]


def _milliseconds(nanoseconds: Sequence[int]) -> list[float]:
    return [each / 1e6 for each in nanoseconds]


def _figures(name: str, values: list[float], yardstick: str, targets: dict[int, Target] | None = None) -> list[Figure]:
    shown = {each: percentile(values, each) for each in (50, 90, 99, 99.9, 100)}
    return [
        Figure(
            name=f"{name}, p{each}",
            measured=f"{shown[each]:.2f} ms",
            yardstick=yardstick if each == 50 else f"worst {max(values):.1f} ms",
            value=shown[each],
            unit="ms",
            target=(targets or {}).get(each),
            detail={f"p{per_cent:g}": value for per_cent, value in shown.items()} if each == 50 else {},
        )
        for each in (50, 99)
    ]
