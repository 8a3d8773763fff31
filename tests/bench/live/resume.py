"""Many clients that come back at once: how soon they have what they missed, and what the others notice."""

from __future__ import annotations

import msgspec

from tests.bench.client.plans import Resume, ResumeResult
from tests.bench.errors import BenchError
from tests.bench.live.headrace import Headrace
from tests.bench.load import load
from tests.bench.processes import at_rest
from tests.bench.report import Figure, Report, Target
from tests.bench.servers.writing import write_all, write_paced
from tests.bench.sizes import Sizes

LIVE_CLIENTS = 100
PER_SECOND = 10
PATIENCE_SECONDS = 60.0
CAUGHT_UP_TARGET = Target(most=3)
RATIO_TARGET = Target(most=3)


async def resume(report: Report, headrace: Headrace, sizes: Sizes) -> None:
    """Seconds until all have caught up; and the p99 of live clients meanwhile beside theirs before."""
    live_lines = PER_SECOND * sizes.resume_seconds  # before the others come, and again after that
    first = sizes.behind - live_lines
    lines = sizes.behind + live_lines
    plan = Resume(
        port=headrace.port,
        path=headrace.path,
        after=await headrace.position(),
        live=LIVE_CLIENTS,
        first=first,
        resuming=sizes.resuming,
        behind=sizes.behind,
        lines=lines,
        seconds=2 * sizes.resume_seconds + PATIENCE_SECONDS,
    )
    await write_all(headrace, range(first))
    await at_rest(headrace.cpu_seconds)  # the clients before are gone
    before = headrace.cpu_seconds()["api"]
    result = await load(plan, lambda: write_paced(headrace, range(first, lines), PER_SECOND))
    assert isinstance(result, ResumeResult)
    cpu_seconds = headrace.cpu_seconds()["api"] - before
    if result.missing:
        raise BenchError(f"{result.missing:,} deliveries are missing")
    slowest, half = result.caught_up[-1], result.caught_up[len(result.caught_up) // 2]
    ratio = result.during.p99 / result.before.p99
    report.say(f"resume: all caught up after {slowest:.2f} s, p99 of live clients {ratio:.2f} x")
    report.figures += [
        Figure(
            name=f"{sizes.resuming:,} clients resuming, {sizes.behind:,} events behind",
            measured=f"{slowest:.2f} s",
            yardstick=f"half of them after {half:.2f} s; {sizes.resuming * sizes.behind / slowest:,.0f} events/s",
            value=slowest,
            unit="s",
            target=CAUGHT_UP_TARGET,
            detail={**msgspec.to_builtins(result), "api_cpu_seconds": cpu_seconds},
        ),
        Figure(
            name="p99 of live clients meanwhile",
            measured=f"{result.during.p99:.1f} ms",
            yardstick=f"{ratio:.2f} x before, {result.before.p99:.1f} ms; {LIVE_CLIENTS:,} clients x {PER_SECOND} events/s",
            value=ratio,
            unit="x",
            target=RATIO_TARGET,
        ),
    ]
