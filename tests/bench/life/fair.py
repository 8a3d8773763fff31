"""How soon a task starts while a large batch is being run."""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from tests.bench.client.plans import Paced, PacedResult, Sample
from tests.bench.errors import BenchError
from tests.bench.kinds.timed import Times
from tests.bench.life.calls import PATIENCE_SECONDS, Calls, calling
from tests.bench.load import load
from tests.bench.report import Figure, Report, Target, percentile
from tests.bench.sizes import Sizes
from tests.bench.stack import Finish, Stack

BODY = '{"kind":"timed","input":{"text":"the quick brown fox jumps over the lazy dog"}}'
PER_SECOND = 100
WARM_UP = PER_SECOND  # tasks that come first and do not count
INSIDE_SHARE_MIN = 0.5  # of the tasks that have to fall into the time in which the batch is run
RATIO_TARGET = Target(most=3)

_times = msgspec.json.Decoder(Times)


class Beside(NamedTuple):
    """Start latencies in milliseconds beside a batch, how many tasks were submitted, and the batch's own tasks per second."""

    started: list[float]
    submitted: int
    drained: float
    drained_meanwhile: float


async def fair(report: Report, stack: Stack, sizes: Sizes) -> None:
    """Submit to handler start with nothing else, then beside a batch of another kind and beside one of the same kind."""
    start = await stack.drained()
    samples = await submit_paced(stack, sizes)
    await stack.drained()
    finishes = await stack.finishes(start, "timed", [each.task for each in samples])
    idle = [_latency(sample, started) for sample, started in starts_of(samples, finishes)]
    report.say(f"fair: idle p99 {percentile(idle, 99):.2f} ms")
    report.figures += [
        Figure(
            name=f"submit to handler start, p{each}, idle",
            measured=f"{percentile(idle, each):.2f} ms",
            yardstick=f"{len(idle):,} tasks, {PER_SECOND}/s",
            detail=_percentiles(idle),
        )
        for each in (50, 99)
    ]
    async with calling(stack) as calls:
        another = await _beside(stack, calls, "noop", sizes)
        same = await _beside(stack, calls, "timed", sizes)
    for what, beside, target in (("a batch", another, RATIO_TARGET), ("a batch of its kind", same, None)):
        report.say(f"fair: p99 {percentile(beside.started, 99):.2f} ms beside {what}")
        report.figures += _figures(what, beside, idle, target)
    batches = (("another kind", another), ("the same kind", same))
    drained = "; ".join(
        f"of {of} {each.drained:,.0f}/s in all, {each.drained_meanwhile:,.0f}/s beside the paced tasks"
        for of, each in batches
    )
    report.notes.append(f"batch of {sizes.large_batch:,}, priority low, run: {drained}")


async def _beside(stack: Stack, calls: Calls, kind: str, sizes: Sizes) -> Beside:
    """Submit beside a batch that was queued before; what does not fall into the time in which it is run does not count."""
    start = await stack.drained()
    await calls.pause(kind)
    batch = await calls.submit_lines(kind, sizes.large_batch)
    await calls.resume(kind)
    samples = await submit_paced(stack, sizes)
    await stack.drained(PATIENCE_SECONDS)
    await calls.succeeded(batch)
    tasks = [each.task for each in samples]
    if kind == "timed":
        all_finishes = await stack.finishes(start, kind, [*tasks, *batch.tasks])
        paced = set(tasks)
        of_batch = [each for each in all_finishes if each.task not in paced]
        finishes = [each for each in all_finishes if each.task in paced]
    else:
        of_batch = await stack.finishes(start, kind, batch.tasks)
        finishes = await stack.finishes(start, "timed", tasks)
    ends = [each.at.timestamp() for each in of_batch]
    first, last = min(ends), max(ends)
    all_starts = starts_of(samples, finishes)
    inside = [
        (sample, started) for sample, started in all_starts if first <= sample.due / 1e9 and started / 1e9 <= last
    ]
    if len(inside) < INSIDE_SHARE_MIN * len(all_starts):
        raise BenchError(
            f"the batch was run within {last - first:.1f} s; only {len(inside):,} of {len(all_starts):,} paced tasks fall into "
            "that, so it has to be larger (`large_batch`), or the paced run shorter (`fair_seconds`)"
        )
    begin, end = inside[0][0].due / 1e9, max(started for _, started in inside) / 1e9
    meanwhile = sum(begin <= each <= end for each in ends)
    return Beside(
        [_latency(sample, started) for sample, started in inside],
        len(all_starts),
        (len(ends) - 1) / (last - first),
        meanwhile / (end - begin),
    )


async def submit_paced(stack: Stack, sizes: Sizes) -> list[Sample]:
    """Submit on schedule, with the warm-up first; in the order in which they were due."""
    requests = WARM_UP + PER_SECOND * sizes.fair_seconds
    plan = Paced(port=stack.up.port, body=BODY, requests=requests, warm_up=0, interval=1 / PER_SECOND, followed=False)
    result = await load(plan)
    assert isinstance(result, PacedResult)
    return sorted(result.samples, key=lambda sample: sample.due)


def starts_of(samples: list[Sample], finishes: list[Finish]) -> list[tuple[Sample, int]]:
    """When each handler started, by its own clock; without the warm-up."""
    started = {finish.task: _times.decode(finish.result).started for finish in finishes}
    return [(sample, started[sample.task]) for sample in samples[WARM_UP:]]


def _latency(sample: Sample, started: int) -> float:
    return (started - sample.due) / 1e6


def _percentiles(values: list[float]) -> dict[str, float]:
    return {f"p{each:g}": percentile(values, each) for each in (50, 90, 99, 99.9, 100)}


def _figures(what: str, beside: Beside, idle: list[float], target: Target | None) -> list[Figure]:
    detail: dict[str, Any] = {
        **_percentiles(beside.started),
        "submitted": beside.submitted,
        "inside": len(beside.started),
        "batch_per_second": beside.drained,
        "batch_per_second_meanwhile": beside.drained_meanwhile,
    }
    ratio = percentile(beside.started, 99) / percentile(idle, 99)
    return [
        Figure(
            name=f"submit to handler start, p50, beside {what}",
            measured=f"{percentile(beside.started, 50):.2f} ms",
            yardstick=f"{len(beside.started):,} of {beside.submitted:,} tasks fell into the batch's run",
            detail=detail,
        ),
        Figure(
            name=f"submit to handler start, p99, beside {what}",
            measured=f"{percentile(beside.started, 99):.2f} ms",
            yardstick=f"{ratio:.2f} x idle, batch {beside.drained_meanwhile:,.0f}/s meanwhile",
            value=ratio,
            unit="x",
            target=target,
            detail=detail,
        ),
    ]
