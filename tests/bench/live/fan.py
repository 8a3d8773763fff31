"""Every event to every client: how late, at two rates."""

from __future__ import annotations

from tests.bench.errors import BenchError
from tests.bench.live.headrace import Headrace
from tests.bench.report import Figure, Report, Target
from tests.bench.servers.fan_out import RATES, FanOut, fan_out
from tests.bench.sizes import Sizes

TARGETS = dict(zip(RATES, (Target(most=60), Target(most=400)), strict=True))
PATIENCE_SECONDS = 30.0  # for what is still on its way when the last line was written


async def fan(report: Report, headrace: Headrace, sizes: Sizes) -> dict[int, FanOut]:
    """Both rates. Returns what was measured, by rate."""
    measured: dict[int, FanOut] = {}
    for per_second, target in TARGETS.items():
        each = await fan_out(headrace, sizes.clients, per_second, sizes.fan_seconds, PATIENCE_SECONDS)
        if each.result.missing:
            raise BenchError(
                f"of {each.latencies.count + each.result.missing:,} deliveries {each.result.missing:,} are missing; "
                f"{each.result.cut_off:,} of {each.clients:,} clients were cut off"
            )
        measured[per_second] = each
        report.say(f"fan: {each.name}, p99 {each.latencies.p99:.1f} ms")
        report.figures.append(
            Figure(
                name=f"{each.name}, p99",
                measured=f"{each.latencies.p99:.1f} ms",
                yardstick=f"p50 {each.latencies.p50:.1f}, worst {each.latencies.worst:.1f} ms; "
                f"all {each.latencies.count:,} once and in order, {each.deliveries_per_second:,.0f}/s",
                value=each.latencies.p99,
                unit="ms",
                target=target,
                detail=each.detail(),
            )
        )
        report.notes.append(f"CPU µs a delivery, {per_second} events/s: {each.cpu}")
    return measured
