"""What an Idempotency-Key costs: the same burst with and without one."""

from __future__ import annotations

import statistics

from tests.bench.life.bursts import Round, submit_round
from tests.bench.report import Figure, Report, Target, spread
from tests.bench.sizes import Sizes
from tests.bench.stack import Stack

KEYED_TARGET = Target(least=80)


async def keyed(report: Report, stack: Stack, sizes: Sizes) -> None:
    """Accepted with a key, each another, beside accepted without; in alternate rounds."""
    for with_key in (False, True):
        await submit_round(stack, sizes.warm_up, keyed=with_key)
    pairs: list[tuple[Round, Round]] = []
    for count in range(1, sizes.rounds + 1):
        without, having = await submit_round(stack, sizes.tasks), await submit_round(stack, sizes.tasks, keyed=True)
        pairs.append((without, having))
        report.say(
            f"keyed {count} of {sizes.rounds}: accepted {without.accepted:,.0f}/s without, "
            f"{having.accepted:,.0f}/s with a key, finished {without.finished:,.0f}/s and {having.finished:,.0f}/s"
        )
    withouts, havings = zip(*pairs, strict=True)
    shares = [having.accepted / without.accepted * 100 for without, having in pairs]
    report.figures.append(
        Figure(
            name="accepted with an Idempotency-Key",
            measured=spread([each.accepted for each in havings], "/s"),
            yardstick=f"{spread(shares, '%', 1)} of without, {spread([each.accepted for each in withouts], '/s')}",
            value=statistics.median(shares),
            unit="%",
            target=KEYED_TARGET,
            detail={
                "without": [each._asdict() for each in withouts],
                "with": [each._asdict() for each in havings],
                "shares": shares,
            },
        )
    )
