"""The rounds: a burst, and tasks at a pace."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from msgspec import Struct

from tests.bench.client.plans import Burst, BurstResult, Paced, PacedResult
from tests.bench.kinds.timed import Times
from tests.bench.load import load
from tests.bench.peers.queues.system import System
from tests.bench.processes import cpu_seconds_of
from tests.bench.report import percentile
from tests.bench.syscalls import counted

BODY = '{"kind":"timed","input":{"text":"the quick brown fox jumps over the lazy dog"}}'
PER_SECOND = 100


class BurstRound(NamedTuple):
    """Tasks per second, and the CPU time that each process took for one of them.

    Attributes:
        accepted: How many were answered per second.
        finished: How many were run per second, from the first request to the end of the last handler.
        cpu_microseconds: The CPU time of each process for one of them, until every result is stored.
    """

    accepted: float
    finished: float
    cpu_microseconds: dict[str, float]


class PacedRound(NamedTuple):
    """Milliseconds from when a task was due to be sent to the first instruction of its handler, and CPU time as in a burst."""

    p50: float
    p99: float
    cpu_microseconds: dict[str, float]


class _Accepted(Struct):
    id: str


_accepted = msgspec.json.Decoder(_Accepted)


async def burst(system: System, tasks: int) -> BurstRound:
    """Submit tasks over 32 connections, as fast as these are answered.

    Raises:
        BenchError: An answer or a result was not the expected one, or did not come.
    """
    await system.rest()
    before = cpu_seconds_of(system.processes())
    result, times = await _submit(system, tasks)
    used = _used_since(system, before)
    seconds = (max(each.ended for each in times.values()) - result.began) / 1e9
    return BurstRound(tasks / result.seconds, tasks / seconds, _microseconds_each(used, tasks))


async def paced(system: System, seconds: int) -> PacedRound:
    """Submit a hundred tasks a second.

    Raises:
        BenchError: An answer or a result was not the expected one, or did not come.
    """
    await system.rest()
    plan = Paced(
        port=system.port,
        path=system.path,
        body=BODY,
        requests=PER_SECOND * seconds,
        warm_up=0,
        interval=1 / PER_SECOND,
        followed=False,
    )
    before = cpu_seconds_of(system.processes())
    result = await load(plan)
    assert isinstance(result, PacedResult)
    times = await system.results([each.task for each in result.samples])
    used = _used_since(system, before)
    late = [(times[each.task].started - each.due) / 1e6 for each in result.samples]
    return PacedRound(percentile(late, 50), percentile(late, 99), _microseconds_each(used, plan.requests))


async def syscalls(system: System, tasks: int) -> dict[str, float]:
    """Count the system calls of each process for one task of a burst.

    Raises:
        BenchError: They cannot be counted, or an answer or a result was not the expected one.
    """
    await system.rest()
    async with counted(system.processes()) as counts:
        await _submit(system, tasks)
    return {name: round(count / tasks, 1) for name, count in counts.items()}


async def _submit(system: System, tasks: int) -> tuple[BurstResult, dict[str, Times]]:
    """Submit tasks as fast as they are answered, and wait for their results."""
    result = await load(Burst(port=system.port, path=system.path, body=BODY, status=202, requests=tasks))
    assert isinstance(result, BurstResult)
    return result, await system.results([_accepted.decode(body).id for body in result.bodies])


def _used_since(system: System, before: dict[str, float]) -> dict[str, float]:
    return {name: used - before.get(name, 0) for name, used in cpu_seconds_of(system.processes()).items()}


def _microseconds_each(used: dict[str, float], tasks: int) -> dict[str, float]:
    return {name: round(seconds / tasks * 1e6, 1) for name, seconds in used.items()}
