"""Servers for all tests: one Postgres for the run, and a cluster that most tests share."""

from __future__ import annotations

import gc
import os
import shutil
import tempfile
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from functools import cache
from pathlib import Path

import pytest
import structlog
from hypothesis import HealthCheck, settings

from headrace.embedded.postgres import EmbeddedPostgres
from tests.cluster import Cluster, cluster_on
from tests.databases import Databases
from tests.examples import ALL, QUICK
from tests.forked import load
from tests.logs import levels
from tests.network_changes import steady_network

# The same examples in every run, and none of how long they take is a failure: a machine may do much else.
for name, count in (("headrace", QUICK), ("many", ALL)):
    settings.register_profile(
        name,
        max_examples=count,
        derandomize=True,
        deadline=None,
        database=None,
        suppress_health_check=[HealthCheck.too_slow],
    )
# `--hypothesis-profile` comes after this.
settings.load_profile("headrace")

# Until all tests are collected; what is loaded stays.
gc.disable()

MakeCluster = Callable[..., Awaitable[Cluster]]
ShareCluster = Callable[..., AbstractAsyncContextManager[Cluster]]


# Here files are memory. On a disk, each copy of a database takes half a second, and as long again to be removed.
MEMORY = "/dev/shm"
MEMORY_BYTES_MIN = (
    4 << 30
)  # three processes with tests leave some 600 MB of databases each, and the rest is for the machine


@cache
def _parent_of_places() -> str:
    with suppress(OSError):
        if os.access(MEMORY, os.W_OK | os.X_OK) and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN:
            return MEMORY
    return "/tmp"


def make_place() -> Path:
    """A directory that the user which Postgres becomes as root may enter; pytest's own may not be."""
    path = Path(tempfile.mkdtemp(prefix="headrace-", dir=_parent_of_places())).resolve()
    path.chmod(0o711)
    return path


@pytest.fixture(scope="session")
def session_place() -> Generator[Path]:
    path = make_place()
    yield path
    shutil.rmtree(path)


@pytest.fixture(scope="session")
async def postgres(session_place: Path) -> AsyncGenerator[EmbeddedPostgres]:
    # Loads what tests start while Postgres makes its files.
    load()
    async with EmbeddedPostgres(session_place / "postgres") as server:
        yield server


@pytest.fixture(scope="session")
async def make_database(postgres: EmbeddedPostgres) -> Callable[[], Awaitable[str]]:
    """Make migrated databases without rows."""
    databases = Databases(postgres)
    await databases.prepare()
    return databases.make


@pytest.fixture(scope="session")
def share_cluster(make_database: Callable[[], Awaitable[str]]) -> ShareCluster:
    """Open clusters with some processes running, for the tests of a module to share."""

    @asynccontextmanager
    async def share(*processes: str, **environ: str) -> AsyncGenerator[Cluster]:
        # The directory is another each time: tests that run side by side may come back to a module.
        place = make_place()
        try:
            async with cluster_on(place, await make_database(), **environ) as cluster:
                await cluster.start(*processes)
                if "api" in processes:
                    await cluster.until_kinds_known()
                yield cluster
        finally:
            shutil.rmtree(place, ignore_errors=True)

    return share


@pytest.fixture(scope="session")
async def cluster(share_cluster: ShareCluster) -> AsyncGenerator[Cluster]:
    """Everything running, for tests that leave it as it is."""
    async with share_cluster("api", "worker", "projector") as shared:
        yield shared


@pytest.fixture
async def make_cluster(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[MakeCluster]:
    """Make clusters that a test may break."""
    async with AsyncExitStack() as stack:

        async def make(**environ: str) -> Cluster:
            place = make_place()
            # The directory is removed last, also when a process of the cluster does not stop as it should.
            stack.callback(shutil.rmtree, place, ignore_errors=True)
            made = await stack.enter_async_context(cluster_on(place, await make_database(), **environ))
            _clusters.append(made)
            return made

        yield make
        _clusters.clear()


@pytest.fixture
def steady() -> Generator[None]:
    """Keep the addresses of this machine as they are, for a test with a browser."""
    with steady_network():
        yield


@pytest.fixture(autouse=True)
def _logs_stay_as_found() -> Generator[None]:
    """A test that sets up logs and leaves them so takes from later ones the lines that they look for."""
    before = levels()
    yield
    is_kept = structlog.get_config()["cache_logger_on_first_use"]
    assert (levels(), is_kept) == (before, False), "set up logs within `tests.logs.logs_as_found`"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the cheap tests first: those of units and of kinds, before those that start servers and processes."""
    items.sort(key=lambda item: not {"unit", "consumers"} & {*item.path.parts})


def pytest_collection_finish() -> None:
    """Spare the garbage collector the thousands of tests: they stay as long as the process, and it would visit them each time."""
    gc.freeze()
    gc.enable()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what the processes said when a test fails."""
    report = yield
    if report.when == "call" and report.failed:
        for made in _clusters:
            report.sections.append(("processes", made.all_last_lines()))
    return report


_clusters: list[Cluster] = []
