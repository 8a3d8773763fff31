"""A peer whose queue is in Redis: its processes, and how the results of its jobs are read."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
import psutil

from headrace.embedded.network import free_ports, get
from headrace.embedded.process import Process
from tests.bench.client.wire import HOST
from tests.bench.errors import BenchError
from tests.bench.kinds.timed import Times
from tests.bench.peers.redis import Redis, running_redis
from tests.bench.processes import at_rest, cpu_seconds_of

READY_SECONDS = 60.0
STOP_SECONDS = 30.0
RESULTS_SECONDS = 300.0  # the slowest peer runs ten thousand tasks in less than a minute
POLL_SECONDS = 0.1  # as often as Headrace is asked
READ_AT_ONCE = 100  # results; those that are missing are asked for again


class Program(NamedTuple):
    """A process of the peer.

    Attributes:
        argv: How it is started; `{port}` is filled in.
        ready_line: A part of the line with which it says that it is ready; without one, it answers `GET /ready`.
    """

    argv: tuple[str, ...]
    ready_line: str = ""


class Results(NamedTuple):
    """Where the result of a job is.

    Attributes:
        command: The command of Redis that reads the result of a job.
        decode: What makes of its answer the times of the handler; None when the job has not ended.
    """

    command: Callable[[str], tuple[bytes, ...]]
    decode: Callable[[bytes], Times | None]


class RedisPeer:
    """The running peer."""

    path = "/tasks"

    def __init__(self, name: str, port: int, redis: Redis, results: Results, versions: Mapping[str, str]) -> None:
        self.name = name
        self.port = port
        self.versions: Mapping[str, str] = {**versions, "Redis": redis.version}
        self.programs: dict[str, psutil.Process] = {"redis": psutil.Process(redis.pid)}
        self._redis = redis
        self._results = results

    def processes(self) -> dict[str, list[psutil.Process]]:
        return {name: [each, *each.children(recursive=True)] for name, each in self.programs.items()}

    async def rest(self) -> None:
        await at_rest(lambda: cpu_seconds_of(self.processes()))

    async def results(self, tasks: Sequence[str]) -> dict[str, Times]:
        found: dict[str, Times] = {}
        missing = list(tasks)
        deadline = time.monotonic() + RESULTS_SECONDS
        while missing:
            asked = missing[:READ_AT_ONCE]
            answers = await self._redis.each(*map(self._results.command, asked))
            times = [self._results.decode(answer) if answer else None for answer in answers]
            found |= {task: each for task, each in zip(asked, times, strict=True) if each is not None}
            absent = [task for task in asked if task not in found]
            missing = absent + missing[READ_AT_ONCE:]
            if absent and time.monotonic() > deadline:
                raise BenchError(f"{self.name} has {len(found):,} results of {len(tasks):,} tasks")
            # It does not say when a job ends.
            await asyncio.sleep(POLL_SECONDS if absent else 0)
        return found


@asynccontextmanager
async def running_redis_peer(
    name: str,
    programs: Mapping[str, Program],
    results: Results,
    redis_server: Path,
    versions: Mapping[str, str],
    imported_from: Path | None = None,
) -> AsyncGenerator[RedisPeer]:
    """Start Redis and the programs, whose modules may be in a directory, and leave nothing of them behind.

    Raises:
        EmbeddedError: One of them does not become ready. The message says why.
    """
    port = free_ports(1)[0]
    async with AsyncExitStack() as stack:
        kept = stack.enter_context(tempfile.TemporaryDirectory(prefix="headrace-bench-"))
        redis = await stack.enter_async_context(running_redis(redis_server, Path(kept)))
        peer = RedisPeer(name, port, redis, results, versions)
        environ = {**os.environ, "REDIS_URL": redis.url, "PORT": str(port), **_python_path(imported_from)}
        for each, program in programs.items():
            process = await stack.enter_async_context(_running(program, environ, port))
            peer.programs[each] = psutil.Process(process.pid)
        yield peer


def _python_path(imported_from: Path | None) -> dict[str, str]:
    return {} if imported_from is None else {"PYTHONPATH": str(imported_from)}


@asynccontextmanager
async def _running(program: Program, environ: dict[str, str], port: int) -> AsyncGenerator[Process]:
    ready = False

    def on_line(line: str) -> None:
        nonlocal ready
        ready = ready or program.ready_line in line

    async def is_ready() -> bool:
        return ready if program.ready_line else await _answers(port)

    argv = [each.format(port=port) for each in program.argv]
    process = await Process.start(argv, environ=environ, on_line=on_line)
    try:
        await process.ready(is_ready, READY_SECONDS)
        yield process
    finally:
        await asyncio.shield(process.stop(STOP_SECONDS))


async def _answers(port: int) -> bool:
    try:
        status, _ = await get(HOST, port, "/ready")
    except OSError:
        return False
    return status == 200


def decoded_times(raw: bytes) -> Times:
    """Decode a result that is the JSON of the handler's times."""
    return msgspec.json.decode(raw, type=Times)
