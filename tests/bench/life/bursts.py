"""Rounds of submissions, with an Idempotency-Key or without."""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from msgspec import Struct

from tests.bench.client.plans import Burst, BurstResult
from tests.bench.load import load
from tests.bench.processes import cpu_seconds
from tests.bench.stack import Stack

BODY = '{"kind":"noop","input":{"text":"the quick brown fox jumps over the lazy dog"}}'


class Round(NamedTuple):
    """Tasks accepted and finished per second, and the CPU time that each process took for one of them."""

    accepted: float
    finished: float
    cpu_microseconds: dict[str, float]


class _Accepted(Struct):
    id: str


_accepted = msgspec.json.Decoder(_Accepted)


async def submit_round(stack: Stack, tasks: int, *, keyed: bool = False) -> Round:
    """Submissions from 32 connections, until every task is in the read model.

    Finished per second is counted from just before the first request is sent to the last finish in the log.
    """
    start = await stack.drained()
    before = cpu_seconds(stack.up.running)
    plan = Burst(port=stack.up.port, path="/api/v1/tasks", body=BODY, status=202, requests=tasks, keyed=keyed)
    result = await load(plan)
    assert isinstance(result, BurstResult)
    await stack.drained()
    used = {name: seconds - before.get(name, 0) for name, seconds in cpu_seconds(stack.up.running).items()}
    used["client"] = result.cpu_seconds
    finishes = await stack.finishes(start, "noop", [_accepted.decode(body).id for body in result.bodies])
    seconds = max(each.at for each in finishes).timestamp() - result.began / 1e9
    each = {name: round(seconds / tasks * 1e6, 1) for name, seconds in used.items()}
    return Round(tasks / result.seconds, tasks / seconds, each)
