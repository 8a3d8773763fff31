"""Headrace as a system that takes tasks."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version

import msgspec
import psutil

from tests.bench.facts import facts
from tests.bench.kinds.timed import Times
from tests.bench.processes import processes
from tests.bench.stack import Stack, bench_stack, temporary_home


class Headrace:
    """All of `headrace up`."""

    name = "Headrace"
    path = "/api/v1/tasks"

    def __init__(self, stack: Stack) -> None:
        made_of = facts()
        self.versions: Mapping[str, str] = {
            "headrace": version("headrace"),
            "NATS": made_of["nats-server"],
            "Postgres": made_of["postgres"],
        }
        self.port = stack.up.port
        self._stack = stack
        self._start = 0

    def processes(self) -> dict[str, list[psutil.Process]]:
        return processes(self._stack.up.running)

    async def rest(self) -> None:
        self._start = await self._stack.drained()

    async def results(self, tasks: Sequence[str]) -> dict[str, Times]:
        """Wait until all is projected into the database as well, which is a part of what a task costs."""
        await self._stack.drained()
        finishes = await self._stack.finishes(self._start, "timed", tasks)
        return {each.task: msgspec.json.decode(each.result, type=Times) for each in finishes}


@asynccontextmanager
async def running_headrace() -> AsyncGenerator[Headrace]:
    """Start it with an empty home that is gone afterwards."""
    with temporary_home() as home:
        async with bench_stack(home) as stack:
            yield Headrace(stack)
