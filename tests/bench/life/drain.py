"""Whether a long queue is run as fast at its end as at its beginning."""

from __future__ import annotations

import time
from collections.abc import Sequence

from tests.bench.errors import BenchError
from tests.bench.life.calls import PATIENCE_SECONDS, calling
from tests.bench.report import Figure, Report, Target
from tests.bench.sizes import Sizes
from tests.bench.stack import Stack

BATCHES = 2  # a batch has 100,000 tasks at most
PARTS = 10
DRAIN_TARGET = Target(least=90)


async def drain(report: Report, stack: Stack, sizes: Sizes) -> None:
    """Tasks per second in the last tenth beside the first, by the times at which the log took their ends."""
    start = await stack.drained()
    async with calling(stack) as calls:
        await calls.pause("noop")
        batches = [await calls.submit_lines("noop", sizes.queue // BATCHES) for _ in range(BATCHES)]
        await stack.projected(
            PATIENCE_SECONDS
        )  # the read model of what waits is not to be made in the first tenth only
        report.say(f"drain: {sizes.queue:,} queued")
        resumed = time.time()
        await calls.resume("noop")
        await stack.drained(PATIENCE_SECONDS)
        whole = time.time() - resumed
        for batch in batches:
            await calls.succeeded(batch)
    finishes = await stack.finishes(start, "noop", [task for batch in batches for task in batch.tasks])
    ends = sorted(each.at.timestamp() for each in finishes)
    if ends[0] < resumed:
        raise BenchError("a task of a paused kind was run")
    size = len(ends) // PARTS
    rates = [_rate(ends[part * size : (part + 1) * size]) for part in range(PARTS)]
    report.say(f"drain: first tenth {rates[0]:,.0f}/s, last {rates[-1]:,.0f}/s")
    share = rates[-1] / rates[0] * 100
    report.figures.append(
        Figure(
            name=f"finished, last tenth of {sizes.queue:,} queued",
            measured=f"{rates[-1]:,.0f} /s",
            yardstick=f"{share:.1f} % of the first, {rates[0]:,.0f} /s",
            value=share,
            unit="%",
            target=DRAIN_TARGET,
            detail={
                "per_second_by_tenth": rates,
                "per_second": _rate(ends),
                "resume_to_first_finish_seconds": ends[0] - resumed,
                "resume_to_last_finish_seconds": ends[-1] - resumed,
                "resume_to_read_model_seconds": whole,
                "seconds_to_202": [batch.seconds for batch in batches],
            },
        )
    )
    tenths = ", ".join(f"{rate:,.0f}" for rate in rates)
    report.notes.append(
        f"drain, tasks/s by tenth: {tenths}; {_rate(ends):,.0f} in all; everything in the read model "
        f"{whole - (ends[-1] - resumed):.1f} s after the last finish"
    )


def _rate(ends: Sequence[float]) -> float:
    return (len(ends) - 1) / (ends[-1] - ends[0])
