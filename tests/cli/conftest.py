"""The command line as people run it: its own process, against a running `headrace up`."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncGenerator, Generator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import pytest
from click.testing import CliRunner

from headrace.cli import cli
from headrace.client import Client, retries
from headrace.embedded.credentials import Credentials
from headrace.embedded.home import Home
from headrace.embedded.network import free_ports
from tests.conftest import make_place
from tests.logs import logs_as_found
from tests.waiting import until

READY_SECONDS = 60.0
END_SECONDS = 20.0
KINDS = 5
REPOSITORY = Path(__file__).parents[2]


class Done(NamedTuple):
    """How a command ended."""

    code: int
    out: str
    err: str


class Command:
    """A command that runs."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.out: list[str] = []
        self.err: list[str] = []
        assert process.stdout is not None
        self._reading = [asyncio.create_task(_read(process.stdout, self.out))]
        if process.stderr is not None:
            self._reading.append(asyncio.create_task(_read(process.stderr, self.err)))

    async def says(self, text: str) -> None:
        """Wait for a line, on either output, that has this text."""
        await until(
            lambda: any(text in line for line in self.out + self.err) or self.process.returncode is not None, text
        )
        assert any(text in line for line in self.out + self.err), self.out + self.err

    def interrupt(self) -> None:
        """What Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)

    async def done(self) -> Done:
        """Wait for its end."""
        async with asyncio.timeout(END_SECONDS):
            code = await self.process.wait()
            await asyncio.gather(*self._reading)
        return Done(code, "".join(self.out), "".join(self.err))


class Shell:
    """Runs commands in an environment."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        unset = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
        self.environ = unset | {"PYTHONPATH": str(REPOSITORY), "COLUMNS": "120"} | environ

    async def start(
        self, *args: str, stdin: int = asyncio.subprocess.DEVNULL, stderr: int = asyncio.subprocess.PIPE
    ) -> Command:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "headrace", *args),
            stdin=stdin,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            env=self.environ,
        )
        return Command(process)

    async def run(self, *args: str, stdin: bytes = b"") -> Done:
        command = await self.start(*args, stdin=asyncio.subprocess.PIPE)
        assert command.process.stdin is not None
        command.process.stdin.write(stdin)
        command.process.stdin.close()
        return await command.done()

    async def call(self, *args: str, stdin: bytes = b"") -> Done:
        """Run a command in this process, which takes a tenth of the time: for what needs no terminal and no signal."""
        unset = {name: None for name in os.environ if name.startswith("HEADRACE_")}
        runner = CliRunner(env={**unset, **self.environ})
        with logs_as_found():
            done = await asyncio.to_thread(runner.invoke, cli, args, input=stdin)
        return Done(done.exit_code, done.stdout, done.stderr)


class Up(NamedTuple):
    """A running `headrace up`, and a shell that finds it by its home alone."""

    url: str
    home: Home
    shell: Shell
    # The lines of all its processes.
    said: Sequence[str] = ()

    @property
    def key(self) -> str:
        """The key of its administrator."""
        return key_of(self.home)


@pytest.fixture(scope="session")
async def up() -> AsyncGenerator[Up]:
    """Shared by all tests here; who kills something of it waits until it is back."""
    place = make_place()
    web = place / "web"
    (web / "assets").mkdir(parents=True)
    (web / "index.html").write_text("<!doctype html>")
    environ = {"HEADRACE_HOME": str(place / "home"), "HEADRACE_CONSUMERS": "tests.cli.kinds"}
    shell = Shell(environ | {"HEADRACE_API_WEB": str(web)})
    port = free_ports(1)[0]
    command = await shell.start("up", "--no-web", "--port", str(port))
    try:
        await until(lambda: command.out or command.process.returncode is not None, "headrace up", READY_SECONDS)
        assert command.out == [f"ready http://127.0.0.1:{port}\n"], command.err
        url = f"http://127.0.0.1:{port}"
        async with Client(url, key=key_of(Home(place / "home"))) as client:
            await until(lambda: _knows_kinds(client), "the worker's kinds")
        yield Up(url, Home(place / "home"), shell, command.err)
    finally:
        if command.process.returncode is None:
            command.process.terminate()
        try:
            await command.done()
        finally:
            shutil.rmtree(place)


@pytest.fixture
async def client(up: Up) -> AsyncGenerator[Client]:
    async with Client(up.url, key=up.key) as opened:
        yield opened


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Attempts follow each other without a pause."""
    monkeypatch.setattr(retries, "RETRY_SECONDS", 0)
    monkeypatch.setattr(retries, "RETRY_SECONDS_MAX", 0)


@pytest.fixture
def place() -> Generator[Path]:
    path = make_place()
    yield path
    shutil.rmtree(path)


def key_of(home: Home) -> str:
    """The key of the administrator that `up` has made in a home."""
    credentials = Credentials.read(home.credentials)
    assert credentials is not None
    return credentials.api_key


async def _knows_kinds(client: Client) -> bool:
    return len(await client.kinds()) == KINDS


async def _read(stream: asyncio.StreamReader, lines: list[str]) -> None:
    async for line in stream:
        lines.append(line.decode())


def read_to_the_end(terminal: int) -> str:
    """What is written to a terminal until nobody has it open."""
    shown = b""
    try:
        while chunk := os.read(terminal, 4096):
            shown += chunk
    except OSError:  # Linux, when the other side is closed
        pass
    os.close(terminal)
    return shown.decode()
