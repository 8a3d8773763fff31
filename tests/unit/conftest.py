"""A log without a database, and a database without a log: most of what is tested here needs no more."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from nats.aio.client import Client

from headrace.api.identity_database import IdentityDatabase
from headrace.embedded.nats import EmbeddedNats
from headrace.log.client import open_client
from headrace.log.connection import Log
from headrace.log.opening import open_log
from headrace.settings import DatabaseSettings, Settings
from headrace.store.engine import sqlalchemy_config
from tests.conftest import make_place


@pytest.fixture
def place() -> Generator[Path]:
    path = make_place()
    yield path
    shutil.rmtree(path)


@pytest.fixture
async def nats(place: Path) -> AsyncGenerator[EmbeddedNats]:
    """An empty NATS that a test may break."""
    async with EmbeddedNats(place / "nats", token="let me in") as server:
        yield server


@pytest.fixture
def settings(nats: EmbeddedNats) -> Settings:
    return settings_for(nats)


@pytest.fixture
async def connection(settings: Settings) -> AsyncGenerator[Client]:
    async with open_client(settings.nats, "test") as client:
        yield client


@pytest.fixture
async def log(settings: Settings) -> AsyncGenerator[Log]:
    """A log that a test may break."""
    async with open_log(settings, "test") as opened:
        yield opened


@pytest.fixture(scope="session")
async def shared_log(session_place: Path) -> AsyncGenerator[Log]:
    """A log for tests that append for an owner of their own and leave the rest as it is."""
    async with (
        EmbeddedNats(session_place / "unit", token="let me in") as server,
        open_log(settings_for(server), "test") as opened,
    ):
        yield opened


@pytest.fixture(scope="module")
async def database(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[IdentityDatabase]:
    """The tables of identity, a database for each module; a test makes users of its own."""
    config = sqlalchemy_config(DatabaseSettings(url=await make_database(), pool=25))
    yield IdentityDatabase(config.create_session_maker())
    await config.get_engine().dispose()


def settings_for(nats: EmbeddedNats, **environ: str) -> Settings:
    return Settings.read({"HEADRACE_NATS_URL": nats.url, "HEADRACE_NATS_TOKEN": nats.token or "", **environ})


@contextmanager
def stopped(nats: EmbeddedNats) -> Generator[None]:
    """While the block runs the server does nothing, and nobody can tell."""
    pid = nats.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    os.waitid(os.P_PID, pid, os.WSTOPPED | os.WNOWAIT)  # its threads go on for a moment
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
