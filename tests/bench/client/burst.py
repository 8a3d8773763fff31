"""A burst: every connection busy until all requests are answered."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Iterator
from itertools import cycle, islice, repeat
from pathlib import Path

from tests.bench.client.plans import Burst, BurstResult
from tests.bench.client.wire import Connection, WireError, connect, post


async def burst(plan: Burst) -> BurstResult:
    """Send ``plan.requests``; every connection sends the next when it has its answer.

    Raises:
        WireError: an answer was not the expected one.
        OSError: a connection broke.
    """
    requests = _requests(plan)
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    bodies: list[bytes] = []

    def on_response(connection: Connection, status: int, body: bytes) -> None:
        if status != plan.status:
            fail(WireError(f"{plan.path} answered {status}, not {plan.status}: {body[:500]!r}"))
            return
        bodies.append(body)
        if request := next(requests, None):
            connection.send(request)
        elif len(bodies) == plan.requests:
            done.set_result(None)

    def fail(error: Exception) -> None:
        if not done.done():
            done.set_exception(error)

    connections = [await connect(lambda: Connection(on_response, fail), plan.port) for _ in range(plan.connections)]
    cpu, clock, began = time.process_time(), time.perf_counter(), time.time_ns()
    for connection, request in zip(connections, requests, strict=False):
        connection.send(request)
    await done
    seconds, cpu_seconds = time.perf_counter() - clock, time.process_time() - cpu
    return BurstResult(began=began, seconds=seconds, cpu_seconds=cpu_seconds, bodies=[body.decode() for body in bodies])


def _requests(plan: Burst) -> Iterator[bytes]:
    """All of them, made before the clock starts."""
    body = plan.body.encode()
    if plan.tokens is not None:
        different = [post(plan.path, body, token=token) for token in Path(plan.tokens).read_text().split()]
        return islice(cycle(different), plan.requests)
    if not plan.keyed:
        return repeat(post(plan.path, body), plan.requests)
    return iter([post(plan.path, body, str(uuid.uuid4())) for _ in range(plan.requests)])
