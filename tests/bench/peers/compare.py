"""The same clients, lines and rates as Headrace's of the same run, and which of the two does better."""

from __future__ import annotations

from headrace.embedded.errors import EmbeddedError
from tests.bench.errors import BenchError
from tests.bench.peers.peer import Peer, running_peer
from tests.bench.report import Figure, Report
from tests.bench.servers.fan_out import RATES, FanOut, fan_out, warm_up
from tests.bench.servers.memory import Memory, memory_of_idle
from tests.bench.sizes import Sizes

PATIENCE_SECONDS = 120.0  # it may be far behind when the last line was written; what it has not delivered then is said
SAME = 1.05  # a difference that is none


async def peers(report: Report, sizes: Sizes, memory: Memory | None, fan_outs: dict[int, FanOut]) -> None:
    """Measure the peer; ``memory`` and ``fan_outs`` are Headrace's, as far as they were measured.

    It is no part of Headrace: what it cannot do, or that a machine does not have it, is said and fails nothing.
    """
    try:
        async with running_peer() as peer:
            await _measure(peer, report, sizes, memory, fan_outs)
    except (BenchError, EmbeddedError) as error:
        report.figures.append(Figure(name="peer", measured="left out", yardstick=str(error)))


async def _measure(
    peer: Peer, report: Report, sizes: Sizes, memory: Memory | None, fan_outs: dict[int, FanOut]
) -> None:
    versions = ", ".join(f"{name} {number}" for name, number in peer.versions.items())
    report.notes.append(f"peer: {versions}; one uvicorn worker")
    await warm_up(peer)
    theirs = await memory_of_idle(peer, sizes.idle_clients, sizes.idle_seconds)
    report.say(f"peer: {theirs.streams:.1f} KB a client")
    report.figures.append(_memory(theirs, memory))
    for per_second in RATES:
        measured = await fan_out(peer, sizes.clients, per_second, sizes.fan_seconds, PATIENCE_SECONDS)
        report.say(f"peer: {measured.name}, p99 {measured.latencies.p99:,.1f} ms")
        report.figures += _fan_out(measured, fan_outs.get(per_second))
        report.notes.append(f"CPU µs a delivery, {per_second} events/s, peer: {measured.cpu}")


def _memory(theirs: Memory, ours: Memory | None) -> Figure:
    return Figure(
        name=f"peer: {theirs.clients:,} idle clients, memory of each",
        measured=f"{theirs.streams:.1f} KB",
        yardstick=f"{_beside(ours and ours.streams, theirs.streams, 'KB')}; Redis {theirs.kilobytes_each['redis']:.1f} KB each",
        detail=theirs._asdict(),
    )


def _fan_out(theirs: FanOut, ours: FanOut | None) -> list[Figure]:
    p99 = theirs.latencies.p99
    late, missing = "", ""
    if theirs.result.missing:
        whole = theirs.latencies.count + theirs.result.missing
        late, missing = "> ", f"; {theirs.result.missing:,} of {whole:,} not within {PATIENCE_SECONDS:g} s"
    return [
        Figure(
            name=f"peer: {theirs.name}, p99",
            measured=f"{late}{p99:,.1f} ms",
            yardstick=f"{_beside(ours and ours.latencies.p99, p99, 'ms')}; p50 {theirs.latencies.p50:,.1f}, "
            f"worst {theirs.latencies.worst:,.1f} ms",
            detail=theirs.detail(),
        ),
        Figure(
            name=f"peer: {theirs.name}, delivered",
            measured=f"{theirs.deliveries_per_second:,.0f} /s",
            yardstick=_beside(ours and ours.deliveries_per_second, theirs.deliveries_per_second, "/s", more=True)
            + missing,
        ),
    ]


def _beside(ours: float | None, theirs: float, unit: str, *, more: bool = False) -> str:
    """Headrace's number, and by how much it is better or worse than the peer's; ``more`` is better, or less is."""
    if ours is None:
        return "Headrace was not measured"
    times = ours / theirs if more else theirs / ours
    if times > SAME:
        verdict = f"{times:.1f} x better"
    elif times < 1 / SAME:
        verdict = f"{1 / times:.1f} x worse"
    else:
        verdict = "the same"
    return f"Headrace {ours:,.{0 if more else 1}f} {unit}, {verdict}"
