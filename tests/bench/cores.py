"""What a second core brings, and what a second API and a second worker do with it.

Each round of a setup is a start of its own. All that it runs inherits the cores from this process, so that servers that count
them when they start, as NATS does, count what they will have. The load client is on the second core in every setup.
"""

from __future__ import annotations

import os
import statistics
from collections import defaultdict
from collections.abc import Generator, Iterable, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from headrace.embedded.counts import Counts, role_of
from tests.bench.errors import BenchError
from tests.bench.processes import processes
from tests.bench.report import Figure, Report, by_process, percentile, spread
from tests.bench.sizes import Sizes
from tests.bench.spine.burst import CLIENT, Round, submit_round, warm_up
from tests.bench.spine.paced import run_paced
from tests.bench.stack import Stack, bench_stack, temporary_home

CORES = 2  # of this machine that take part: a setup has one of them or both


class Setup(NamedTuple):
    """How many cores Headrace has, and how many processes."""

    cores: int
    counts: Counts

    @property
    def name(self) -> str:
        """``2 cores, 1 api, 2 workers``."""
        return ", ".join(
            f"{count} {what}{'' if count == 1 else 's'}"
            for count, what in ((self.cores, "core"), (self.counts.apis, "api"), (self.counts.workers, "worker"))
        )


class Measured(NamedTuple):
    """A round of a setup: its burst, and the milliseconds from submission to start of tasks at an even pace."""

    burst: Round
    starts: list[float]

    @property
    def cpu(self) -> float:
        """Microseconds that all processes without the client took for a task of the burst."""
        return sum(self.by_role().values())

    def by_role(self) -> dict[str, float]:
        """Return these by role: all APIs together, and all workers."""
        found: dict[str, float] = defaultdict(float)
        for name, used in self.burst.cpu_microseconds.items():
            if name != CLIENT:
                found[role_of(name)] += used
        return dict(found)


ONE_CORE = "one-core"
SETUPS = {
    ONE_CORE: Setup(1, Counts(1, 1)),
    "1-1": Setup(2, Counts(1, 1)),
    "1-2": Setup(2, Counts(1, 2)),
    "2-1": Setup(2, Counts(2, 1)),
    "2-2": Setup(2, Counts(2, 2)),
}
PARTS = tuple(SETUPS)


async def cores(report: Report, sizes: Sizes, parts: frozenset[str]) -> None:
    """Measure the given setups in alternate rounds.

    Raises:
        BenchError: This machine has fewer than two cores for us, or no way to choose them.
    """
    chosen = [part for part in PARTS if part in parts]
    available = _available()
    measured: dict[str, list[Measured]] = {part: [] for part in chosen}
    with ExitStack() as stack:
        homes = {part: stack.enter_context(temporary_home()) for part in chosen}
        for count in range(1, sizes.rounds + 1):
            # What becomes slower on the way slows the first and the last one alike.
            for part in chosen if count % 2 else reversed(chosen):
                measured[part].append(found := await _measure(SETUPS[part], homes[part], available, sizes))
                report.say(
                    f"{SETUPS[part].name}, {count} of {sizes.rounds}: finished {found.burst.finished:,.0f}/s, "
                    f"CPU {found.cpu:,.0f} µs"
                )
    report.figures += [_figure(SETUPS[part], measured[part], measured.get(ONE_CORE)) for part in chosen]
    report.notes += [_note(SETUPS[part], measured[part]) for part in chosen]


def _available() -> list[int]:
    if not hasattr(os, "sched_getaffinity"):
        raise BenchError("this system does not let a program choose its cores; Linux does")
    found = sorted(os.sched_getaffinity(0))
    if len(found) < CORES:
        raise BenchError(f"two cores are needed to stand beside one, and there is {len(found)} here")
    return found[:CORES]


async def _measure(setup: Setup, home: Path, available: Sequence[int], sizes: Sizes) -> Measured:
    with ExitStack() as pinned:
        pinned.enter_context(_on(available[: setup.cores]))
        async with bench_stack(home, counts=setup.counts) as stack:
            # What runs keeps its cores; what is started from here on, the load client, has the last one.
            pinned.enter_context(_on(available[-1:]))
            _check_cores(stack, available[: setup.cores])
            await warm_up(stack, sizes)
            burst = await submit_round(stack, sizes.tasks)
            return Measured(burst, await _starts(stack, sizes))


@contextmanager
def _on(chosen: Iterable[int]) -> Generator[None]:
    """Have this thread, and what it starts, run on these cores alone until the block ends."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, chosen)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def _check_cores(stack: Stack, expected: Sequence[int]) -> None:
    """Make sure that everything runs where it should.

    Raises:
        BenchError: A thread may run elsewhere.
    """
    for name, each in processes(stack.up.running).items():
        for process in each:
            if other := {core for found in _cores_of(process) for core in found} - set(expected):
                raise BenchError(f"{name} has a thread that may run on the cores {sorted(other)}")


def _cores_of(process: psutil.Process) -> Generator[set[int]]:
    """Yield the cores of each thread."""
    # A thread may end meanwhile, and a connection of Postgres with its process.
    with suppress(psutil.NoSuchProcess, ProcessLookupError):
        for thread in process.threads():
            yield os.sched_getaffinity(thread.id)


async def _starts(stack: Stack, sizes: Sizes) -> list[float]:
    return [(each.started - each.due) / 1e6 for each in (await run_paced(stack, sizes)).samples]


def _figure(setup: Setup, rounds: Sequence[Measured], one_core: Sequence[Measured] | None) -> Figure:
    finished = [each.burst.finished for each in rounds]
    p50, p99 = (statistics.median(percentile(each.starts, per_cent) for each in rounds) for per_cent in (50, 99))
    cpu = statistics.median(each.cpu for each in rounds)
    ratio = "" if one_core is None else f"{spread(_ratios(rounds, one_core), 'x', 2)} of one core; "
    return Figure(
        name=setup.name,
        measured=f"finished {spread(finished, '/s')}",
        yardstick=f"{ratio}CPU {cpu:,.0f} µs; start p50 {p50:.2f}, p99 {p99:.2f} ms",
        value=statistics.median(finished),
        unit="/s",
        detail={
            "finished": finished,
            "cpu_microseconds": [each.by_role() for each in rounds],
            "start_p50_ms": [percentile(each.starts, 50) for each in rounds],
            "start_p99_ms": [percentile(each.starts, 99) for each in rounds],
        },
    )


def _ratios(rounds: Sequence[Measured], one_core: Sequence[Measured]) -> list[float]:
    return [each.burst.finished / base.burst.finished for each, base in zip(rounds, one_core, strict=True)]


def _note(setup: Setup, rounds: Sequence[Measured]) -> str:
    medians = {name: statistics.median(each.by_role()[name] for each in rounds) for name in rounds[0].by_role()}
    return f"CPU µs of a task, {setup.name}: {by_process({name: used for name, used in medians.items() if used >= 1})}"
