"""Headrace and its peers in alternate rounds, and how many times as much each does."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import NamedTuple

from headrace.embedded.errors import EmbeddedError
from tests.bench.errors import BenchError
from tests.bench.peers.queues.bullmq import running_bullmq
from tests.bench.peers.queues.headrace import running_headrace
from tests.bench.peers.queues.python_peers import running_celery, running_saq
from tests.bench.peers.queues.rounds import BurstRound, PacedRound, burst, paced, syscalls
from tests.bench.peers.queues.system import System
from tests.bench.report import Figure, Report, by_process, spread
from tests.bench.sizes import Sizes
from tests.bench.syscalls import can_count

PEERS: dict[str, Callable[[], AbstractAsyncContextManager[System]]] = {
    "bullmq": running_bullmq,
    "saq": running_saq,
    "celery": running_celery,
}
PARTS = tuple(PEERS)


CALLS = "system calls of a task, burst"
CPU = "CPU of a task by process, burst"


class Round(NamedTuple):
    """What one system does, measured once."""

    burst: BurstRound
    paced: PacedRound


class Measured(NamedTuple):
    """A system with its rounds, in the order in which they were measured."""

    system: System
    rounds: list[Round]


class Measure(NamedTuple):
    """A figure of every system.

    Attributes:
        name: What it is called.
        unit: Its unit.
        places: How many digits it is shown with.
        value: The figure of a round.
    """

    name: str
    unit: str
    places: int
    value: Callable[[Round], float]


MEASURES = (
    Measure("accepted, burst", "/s", 0, lambda each: each.burst.accepted),
    Measure("finished, burst", "/s", 0, lambda each: each.burst.finished),
    Measure("CPU of a task, burst", "µs", 0, lambda each: sum(each.burst.cpu_microseconds.values())),
    Measure("CPU of a task, 100/s", "µs", 0, lambda each: sum(each.paced.cpu_microseconds.values())),
    Measure("submit to handler start, 100/s, p50", "ms", 2, lambda each: each.paced.p50),
    Measure("submit to handler start, 100/s, p99", "ms", 2, lambda each: each.paced.p99),
)


async def peers(report: Report, sizes: Sizes, parts: frozenset[str]) -> None:
    """Measure Headrace and the given peers; a peer that cannot be had on this machine is said, and fails nothing."""
    async with AsyncExitStack() as stack:
        own = await stack.enter_async_context(running_headrace())
        measured = [Measured(system, []) for system in (own, *await start_peers(stack, report, parts))]
        await _measure(report, measured, sizes)
        await _count(report, measured, sizes)
    for measure in MEASURES:
        report.figures += [_figure(measure, each, measured[0]) for each in measured]
    report.figures += [_cpu(each) for each in measured]
    report.notes += [_versions(each.system) for each in measured]


async def start_peers(stack: AsyncExitStack, report: Report, parts: frozenset[str]) -> list[System]:
    """Start the given peers; a peer that cannot be had on this machine is said."""
    started: list[System] = []
    for name in (each for each in PARTS if each in parts):
        try:
            started.append(await stack.enter_async_context(PEERS[name]()))
        except (BenchError, EmbeddedError) as error:
            report.figures.append(Figure(name=name, measured="left out", yardstick=str(error)))
    return started


async def _measure(report: Report, measured: list[Measured], sizes: Sizes) -> None:
    # Node compiles what runs often, which takes more than a few hundred tasks.
    for each in measured:
        await burst(each.system, sizes.tasks // 2)
    for count in range(sizes.rounds):
        # Whoever is first in one round is last in the next.
        first = count % len(measured)
        turn = measured[first:] + measured[:first]
        bursts = [await burst(each.system, sizes.tasks) for each in turn]
        pacings = [await paced(each.system, sizes.paced_seconds) for each in turn]
        for each, fast, slow in zip(turn, bursts, pacings, strict=True):
            each.rounds.append(Round(fast, slow))
            report.say(
                f"{each.system.name}, round {count + 1} of {sizes.rounds}: {fast.finished:,.0f} finished/s, "
                f"at 100/s p99 {slow.p99:.1f} ms"
            )


async def _count(report: Report, measured: list[Measured], sizes: Sizes) -> None:
    """Count system calls in a burst of their own, since a counted call takes longer."""
    if reason := await can_count():
        report.notes.append(f"system calls were not counted: {reason}")
        return
    for system, _ in measured:
        calls = await syscalls(system, sizes.counted)
        report.figures.append(
            Figure(
                name=f"{CALLS}: {system.name}",
                measured=f"{sum(calls.values()):.1f}",
                yardstick=by_process(calls, 1),
                value=sum(calls.values()),
                detail={"system": system.name, "measure": CALLS, "by_process": calls},
            )
        )


def _figure(measure: Measure, each: Measured, own: Measured) -> Figure:
    values, ours = ([measure.value(one) for one in side.rounds] for side in (each, own))
    ratios = [our / value for our, value in zip(ours, values, strict=True)]
    return Figure(
        name=f"{measure.name}: {each.system.name}",
        measured=spread(values, measure.unit, measure.places),
        yardstick="" if each is own else f"Headrace {spread(ratios, 'x', 2)}",
        value=statistics.median(values),
        unit=measure.unit,
        detail={
            "system": each.system.name,
            "measure": measure.name,
            "rounds": values,
            "headrace_is": statistics.median(ratios),
        },
    )


def _cpu(each: Measured) -> Figure:
    """Where the time goes in a burst: the median of each process."""
    medians = {
        name: statistics.median(one.burst.cpu_microseconds[name] for one in each.rounds)
        for name in each.rounds[0].burst.cpu_microseconds
    }
    return Figure(
        name=f"{CPU}: {each.system.name}",
        measured=f"{by_process(medians)} µs",
        unit="µs",
        detail={
            "system": each.system.name,
            "measure": CPU,
            "by_process": medians,
            "versions": dict(each.system.versions),
        },
    )


def _versions(system: System) -> str:
    return f"{system.name}: {', '.join(f'{name} {number}' for name, number in system.versions.items())}"
