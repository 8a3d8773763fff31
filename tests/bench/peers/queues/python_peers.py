"""The peers in Python: Litestar and SAQ, FastAPI and Celery. Their applications are served by uvicorn."""

from __future__ import annotations

import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec
from msgspec import Struct

from headrace.embedded.process import Process
from tests.bench.client.wire import HOST
from tests.bench.errors import BenchError
from tests.bench.kinds.timed import Times
from tests.bench.peers.environment import ASK_SECONDS, environment, redis_server
from tests.bench.peers.queues.peer import Program, RedisPeer, Results, running_redis_peer

API = (
    *("-m", "uvicorn", "app:app", "--host", HOST, "--port", "{port}"),
    *("--loop", "uvloop", "--http", "httptools", "--no-access-log", "--log-level", "warning"),
)
ASK_VERSIONS = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"


class _Stored(Struct):
    """What both queues keep of a job, as far as it is read here."""

    status: str
    result: Times | None = None


_stored = msgspec.json.Decoder(_Stored)


class PythonPeer(NamedTuple):
    """What a peer is made of.

    Attributes:
        name: What it is called.
        group: The group of dependencies in pyproject.toml.
        sources: The directory of its application, below this one.
        worker: The arguments of Python that start its worker.
        key: What precedes a job's id in the key of Redis where the job's result is.
        success: The status of a job that ended well.
        packages: Whose versions are said.
    """

    name: str
    group: str
    sources: str
    worker: tuple[str, ...]
    key: str
    success: str
    packages: tuple[str, ...]


SAQ = PythonPeer(
    name="Litestar + SAQ",
    group="peers-saq",
    sources="litestar_saq",
    worker=("-m", "saq", "jobs.settings"),
    key="saq:job:default:",
    success="complete",
    packages=("litestar", "saq", "redis", "hiredis", "uvicorn"),
)
CELERY = PythonPeer(
    name="FastAPI + Celery",
    group="peers-celery",
    sources="fastapi_celery",
    worker=("-m", "celery", "--app", "tasks", "worker", "--loglevel", "warning"),
    key="celery-task-meta-",
    success="SUCCESS",
    packages=("fastapi", "celery", "redis", "uvicorn"),
)


@asynccontextmanager
async def running_saq() -> AsyncGenerator[RedisPeer]:
    """Start Litestar and SAQ; see `running_python_peer`."""
    async with running_python_peer(SAQ) as peer:
        yield peer


@asynccontextmanager
async def running_celery() -> AsyncGenerator[RedisPeer]:
    """Start FastAPI and Celery; see `running_python_peer`."""
    async with running_python_peer(CELERY) as peer:
        yield peer


@asynccontextmanager
async def running_python_peer(made_of: PythonPeer) -> AsyncGenerator[RedisPeer]:
    """Install the peer in an environment that is gone afterwards, and start it.

    Raises:
        BenchError: It cannot be installed. The message says why.
        EmbeddedError: It does not start.
    """
    directory = Path(__file__).with_name(made_of.sources)
    async with environment(made_of.group) as python:
        programs = {
            "worker": Program((str(python), *made_of.worker), "ready"),
            "api": Program((str(python), *API)),
        }
        versions = await _versions(python, made_of.packages)
        redis = await redis_server(python)
        async with running_redis_peer(made_of.name, programs, _results(made_of), redis, versions, directory) as peer:
            yield peer


def _results(made_of: PythonPeer) -> Results:
    def command(task: str) -> tuple[bytes, ...]:
        return b"GET", f"{made_of.key}{task}".encode()

    def decode(raw: bytes) -> Times | None:
        stored = _stored.decode(raw)
        return stored.result if stored.status == made_of.success else None

    return Results(command, decode)


async def _versions(python: Path, packages: tuple[str, ...]) -> Mapping[str, str]:
    ask = await Process.start((str(python), "-c", ASK_VERSIONS, *packages))
    if await ask.finish(ASK_SECONDS) != 0:
        raise BenchError(f"its packages are not there: {ask.last_line()}")
    own = {"Python": sys.version.partition(" ")[0]}
    return own | dict(zip(packages, ask.last_line().split(), strict=True))
