"""What the processes under an `up` use: CPU time and memory, by name."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

import psutil

from headrace.embedded.home import RunInfo
from tests.bench.errors import BenchError
from tests.bench.stack import Up

SERVERS = {"nats-server": "nats", "postgres": "postgres"}
QUIET_SHARE = 0.05  # of one core
QUIET_SECONDS = 1.0
QUIET_WAIT_SECONDS = 60.0


def cpu_seconds(info: RunInfo) -> dict[str, float]:
    """Return `cpu_seconds_of` all processes under an `up`."""
    return cpu_seconds_of(processes(info))


def memory_bytes(info: RunInfo) -> dict[str, float]:
    """Proportional set size: shared pages are divided among those who share them. Where there is none, unique set size."""

    def size(process: psutil.Process) -> float:
        full = process.memory_full_info()
        return getattr(full, "pss", full.uss)

    return _sum(processes(info), size)


def resident_bytes(process: psutil.Process) -> int:
    """Resident set size, of what it has started as well."""
    return sum(each.memory_info().rss for each in (process, *process.children(recursive=True)))


def resident_by_process(info: RunInfo) -> dict[str, float]:
    """Resident set size. Postgres' shared memory counts in each of its processes, so there it is the proportional set size."""
    resident = _sum(processes(info), lambda process: process.memory_info().rss)
    return {**resident, "postgres": memory_bytes(info)["postgres"]}


async def quiet(up: Up) -> None:
    """Wait until all of it together uses next to no CPU time."""
    await at_rest(lambda: cpu_seconds(up.running))


async def at_rest(used: Callable[[], Mapping[str, float]]) -> None:
    """Wait until processes together use next to no CPU time; ``used``: how much they have until now, by name."""
    deadline = time.monotonic() + QUIET_WAIT_SECONDS
    share = 1.0
    while share > QUIET_SHARE:
        before = used()
        if time.monotonic() > deadline:
            raise BenchError(f"{', '.join(before)} do not come to rest; they use {share:.0%} of a core")
        await asyncio.sleep(QUIET_SECONDS)  # what is measured is this second
        share = (sum(used().values()) - sum(before.values())) / QUIET_SECONDS


def processes(info: RunInfo) -> dict[str, list[psutil.Process]]:
    """Return `up`, each of its children with all that it started, and the two servers, by name."""
    up = psutil.Process(info.up.pid)
    names = {child.pid: name for name, child in info.children.items()}
    found: dict[str, list[psutil.Process]] = defaultdict(list, {"up": [up]})
    for child in up.children():
        name = names.get(child.pid) or SERVERS.get(child.name(), child.name())
        found[name] += [child, *child.children(recursive=True)]
    return dict(found)


def cpu_seconds_of(found: Mapping[str, Iterable[psutil.Process]]) -> dict[str, float]:
    """CPU time since their start; ended children count, as Postgres has one for each connection."""

    def used(process: psutil.Process) -> float:
        times = process.cpu_times()
        return times.user + times.system + times.children_user + times.children_system

    return _sum(found, used)


def _sum(found: Mapping[str, Iterable[psutil.Process]], measure: Callable[[psutil.Process], float]) -> dict[str, float]:
    total: dict[str, float] = dict.fromkeys(found, 0.0)
    for name, each in found.items():
        for process in each:
            # A connection of Postgres may have ended just now.
            with suppress(psutil.NoSuchProcess):
                total[name] += measure(process)
    return total
