"""Clients that follow the one task that each of them submitted."""

from __future__ import annotations

from tests.bench.client.plans import Paced, PacedResult, Sample
from tests.bench.load import load
from tests.bench.processes import quiet
from tests.bench.report import Figure, Report, Target, percentile
from tests.bench.sizes import Sizes
from tests.bench.stack import Stack

INPUT = '"kind":"timed","input":{"text":"the quick brown fox jumps over the lazy dog"}'
PER_SECOND = 100
OWN_TARGET = Target(most=40)


async def own(report: Report, stack: Stack, sizes: Sizes) -> None:
    """Handler's end to the client: of tasks that run at once, and of tasks that wait, so that all streams are open together."""
    delay = sizes.clients / PER_SECOND
    at_once = await _submit(stack, f"{{{INPUT}}}", sizes.clients)
    later = await _submit(stack, f'{{{INPUT},"delay":{delay:g}}}', 2 * sizes.clients)
    last_sent = max(each.sent for each in later.samples)
    while_all_open = [each for each in later.samples if each.ended <= last_sent]
    report.figures += [
        _figure(report, f"own task, {sizes.clients:,} clients, one after the other", at_once, at_once.samples),
        _figure(report, f"own task, {sizes.clients:,} clients, all open", later, while_all_open),
    ]


async def _submit(stack: Stack, body: str, requests: int) -> PacedResult:
    await stack.drained()
    await quiet(stack.up)  # the clients before are gone
    plan = Paced(
        port=stack.up.port, body=body, requests=requests, warm_up=PER_SECOND, interval=1 / PER_SECOND, own=True
    )
    result = await load(plan)
    assert isinstance(result, PacedResult)
    return result


def _figure(report: Report, name: str, result: PacedResult, samples: list[Sample]) -> Figure:
    late = [(each.seen - each.ended) / 1e6 for each in samples]
    shown = {each: percentile(late, each) for each in (50, 90, 99, 99.9, 100)}
    report.say(f"{name}: p99 {shown[99]:.1f} ms")
    return Figure(
        name=f"{name}, p99",
        measured=f"{shown[99]:.1f} ms",
        yardstick=f"p50 {shown[50]:.1f}, worst {shown[100]:.1f} ms; {len(late):,} tasks, {PER_SECOND}/s, "
        f"at most {result.open_most:,} streams open",
        value=shown[99],
        unit="ms",
        target=OWN_TARGET,
        detail={
            "tasks": len(late),
            "open_most": result.open_most,
            **{f"p{per_cent:g}": value for per_cent, value in shown.items()},
        },
    )
