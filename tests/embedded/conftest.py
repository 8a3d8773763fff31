"""Directories for the embedded servers, and `headrace up` as a process of its own."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from headrace.embedded.home import Home
from headrace.embedded.network import free_ports
from tests.conftest import make_place

WAIT_SECONDS = 20.0
POLL_SECONDS = 0.02


@pytest.fixture
def place() -> Iterator[Path]:
    """A short-named directory that the user Postgres becomes as root may enter; pytest's own may not be."""
    path = make_place()
    yield path
    shutil.rmtree(path)


@pytest.fixture
def held() -> Iterator[psutil.Process]:
    """A process that has nothing to do with us."""
    process = psutil.Popen([sys.executable, "-c", "input()"], stdin=-1)
    with process:
        yield process
        assert process.is_running()
        process.kill()


async def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        await asyncio.sleep(POLL_SECONDS)


def alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Up:
    """A running `up` with fake children."""

    def __init__(self, process: asyncio.subprocess.Process, home: Path, port: int) -> None:
        self.process = process
        self.home = Home(home)
        self.port = port
        self.said: list[str] = []
        self.answered: list[str] = []
        assert process.stderr is not None
        assert process.stdout is not None
        self._readers = [
            asyncio.create_task(self._read(process.stderr, self.said)),
            asyncio.create_task(self._read(process.stdout, self.answered)),
        ]

    @classmethod
    async def start(cls, home: Path, *, port: int | None = None, environ: Mapping[str, str] | None = None) -> Up:
        port = port or free_ports(1)[0]
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, str(Path(__file__).with_name("run_up.py")), str(home), str(port)),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env={**os.environ, **(environ or {})},
        )
        return cls(process, home, port)

    async def ready(self) -> Up:
        await until(lambda: self.answered or self.process.returncode is not None, f"ready after {self.said}")
        assert self.answered == [f"ready http://127.0.0.1:{self.port}"], self.said
        return self

    async def says(self, pattern: str) -> re.Match[str]:
        await until(lambda: self._find(pattern), f"{pattern} in {self.said}")
        found = self._find(pattern)
        assert found is not None
        return found

    async def ends(self) -> int:
        code = await asyncio.wait_for(self.process.wait(), WAIT_SECONDS)
        await asyncio.gather(*self._readers)
        return code

    def pids(self) -> set[int]:
        """Everything that it started, and what that started."""
        return {child.pid for child in psutil.Process(self.process.pid).children(recursive=True)}

    def pid_of(self, name: str) -> int | None:
        info = self.home.running()
        assert info is not None
        child = info.children.get(name)
        return child.pid if child is not None else None

    def nats(self) -> psutil.Process:
        return next(p for p in psutil.Process(self.process.pid).children() if p.name() == "nats-server")

    async def discard(self) -> None:
        if self.process.returncode is None:
            left = self.pids()
            self.process.send_signal(signal.SIGTERM)
            await self.ends()
            assert not [pid for pid in left if alive(pid)]
        await asyncio.gather(*self._readers)

    def _find(self, pattern: str) -> re.Match[str] | None:
        return next((found for line in self.said if (found := re.search(pattern, line))), None)

    @staticmethod
    async def _read(stream: asyncio.StreamReader, lines: list[str]) -> None:
        async for line in stream:
            lines.append(line.decode().rstrip("\n"))


@pytest.fixture
async def start_up(place: Path) -> AsyncIterator[Callable[..., object]]:
    """Start `up`, by default on one home; what still runs at the end is stopped."""
    started: list[Up] = []

    async def start(home: Path | None = None, **options: object) -> Up:
        up = await Up.start(home or place / "home", **options)  # pyright: ignore[reportArgumentType]
        started.append(up)
        return up

    yield start
    for up in started:
        await up.discard()
