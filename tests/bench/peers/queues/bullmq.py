"""Fastify and BullMQ."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec

from headrace.embedded.node import Node
from headrace.embedded.process import Process
from tests.bench.errors import BenchError
from tests.bench.peers.environment import INSTALL_SECONDS, environment, redis_server
from tests.bench.peers.queues.peer import Program, RedisPeer, Results, decoded_times, running_redis_peer

SOURCES = Path(__file__).with_name("fastify_bullmq")
REDIS = "peers-redis"  # the group of dependencies that has only the server


@asynccontextmanager
async def running_bullmq() -> AsyncGenerator[RedisPeer]:
    """Install it in a directory that is gone afterwards, and start it.

    Raises:
        BenchError: It cannot be installed. The message says why.
        EmbeddedError: There is no Node for it, or it does not start.
    """
    version = (await Node.find()).version
    node = shutil.which("node")
    assert node is not None
    results = Results(lambda task: (b"HGET", f"bull:timed:{task}".encode(), b"returnvalue"), decoded_times)
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as place:
        directory = Path(place) / "app"
        shutil.copytree(SOURCES, directory, ignore=shutil.ignore_patterns("node_modules"))
        await _install(directory)
        programs = {
            "worker": Program((node, str(directory / "worker.js")), "ready"),
            "api": Program((node, str(directory / "api.js"))),
        }
        packages = msgspec.json.decode((directory / "package.json").read_bytes())["dependencies"]
        versions = {"Node": version.removeprefix("v"), **packages}
        async with environment(REDIS) as python:
            redis = await redis_server(python)
            async with running_redis_peer("Fastify + BullMQ", programs, results, redis, versions) as peer:
                yield peer


async def _install(directory: Path) -> None:
    npm = shutil.which("npm")
    assert npm is not None
    # No package of it needs a script to be installed.
    install = await Process.start((npm, "ci", "--ignore-scripts", "--prefix", str(directory)))
    if await install.finish(INSTALL_SECONDS) != 0:
        raise BenchError(f"its packages could not be installed: {install.cause()}")
