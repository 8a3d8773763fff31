"""What tasks cost the others that wait for another attempt."""

from __future__ import annotations

import statistics

from headrace.contracts.batches import Batch
from tests.bench.life.bursts import Round, submit_round
from tests.bench.life.calls import PATIENCE_SECONDS, Calls, Submitted, calling
from tests.bench.report import Figure, Report, Target, spread
from tests.bench.sizes import Sizes
from tests.bench.stack import Stack

RETRYING_TARGET = Target(least=95)


async def retrying(report: Report, stack: Stack, sizes: Sizes) -> None:
    """Finished while many wait beside finished while none does; in alternate rounds, those that wait cancelled between."""
    await submit_round(stack, sizes.warm_up)
    pairs: list[tuple[Round, Round]] = []
    async with calling(stack) as calls:
        for count in range(1, sizes.rounds + 1):
            alone = await submit_round(stack, sizes.tasks)
            waiting = await _waiting(stack, calls, sizes.retries)
            beside = await submit_round(stack, sizes.tasks)
            await calls.until(waiting.batch.id, _not_waiting)  # still, all of them
            await calls.cancel(waiting)
            await stack.drained(PATIENCE_SECONDS)
            pairs.append((alone, beside))
            report.say(
                f"retrying {count} of {sizes.rounds}: finished {alone.finished:,.0f}/s alone, "
                f"{beside.finished:,.0f}/s beside {sizes.retries:,} that wait"
            )
    alones, besides = zip(*pairs, strict=True)
    shares = [beside.finished / alone.finished * 100 for alone, beside in pairs]
    report.figures.append(
        Figure(
            name=f"finished, {sizes.retries:,} waiting for a retry",
            measured=spread([each.finished for each in besides], "/s"),
            yardstick=f"{spread(shares, '%', 1)} of none waiting, {spread([each.finished for each in alones], '/s')}",
            value=statistics.median(shares),
            unit="%",
            target=RETRYING_TARGET,
            detail={
                "alone": [each._asdict() for each in alones],
                "beside": [each._asdict() for each in besides],
                "shares": shares,
            },
        )
    )


async def _waiting(stack: Stack, calls: Calls, tasks: int) -> Submitted:
    """Tasks that have failed once and wait for the next attempt."""
    submitted = await calls.submit("failing", tasks)
    await calls.until(submitted.batch.id, _not_waiting)
    await stack.drained(PATIENCE_SECONDS)
    return submitted


def _not_waiting(batch: Batch) -> str:
    return "" if batch.counts.pending == batch.total else f"not every task waits for a retry: {batch.counts}"
