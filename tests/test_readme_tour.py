"""The README's commands work as they are written: each block, in order, against one `headrace up` with an empty home.

What runs on until it is stopped is stopped once it has shown what it should. An HTML comment before a block names what is left out
of it, because it needs another machine or does not end.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from headrace.embedded.network import free_ports
from tests.conftest import make_place

ROOT = Path(__file__).parents[1]
TEXT = (ROOT / "README.md").read_text()
PORT = "8080"  # as the README has it
COMMAND_SECONDS = 45.0
UP = "uv run headrace up"
SUBMIT = "uv run headrace submit text_feedback --input @essay.json"

# What a command shows, by what it begins with or contains; the first that fits counts.
SHOWN: Sequence[tuple[str, str]] = [
    ("echo ", ""),
    ("--delay 10m", r" pending$"),
    ("submit text_feedback", r"succeeded"),
    ("seq 100000 ", ""),
    ("submit table_profile", r'"rows": 100000'),
    ("files ls", r"sales\.csv"),
    ("headrace kinds table_profile", r"^file +file "),
    ("headrace batch", r"1,000 .*succeeded|succeeded .*1,000"),
    ("headrace list", "^no task matches$"),
    ("headrace cancel", r"\b1 task"),
    ("headrace replay", r"\b0 "),
    ("headrace schedules", "there are no schedules"),
    ("headrace pause", "^text_feedback paused$"),
    ("headrace resume", "^text_feedback resumed$"),
    ("headrace lag", "text_feedback"),
    ("headrace tail", "text_feedback"),
    ("event=finished", r"event: finished\n"),
    ("api/v1/events", r"event: queued\n"),
    ("api/v1/api-keys", r'"key":"hr_\w{33}"'),
    ("headrace demo", "^made "),
    ("headrace enter", r"http://127\.0\.0\.1:\d+/enter/\S+"),
    ("rotate-secret", "restart `headrace up`"),
]


class Done(NamedTuple):
    """A command, its exit code (None when it was stopped), and what it said on both outputs."""

    command: str
    code: int | None
    said: str


class Shell:
    """Runs lines of shell in one directory."""

    def __init__(self, place: Path, port: int) -> None:
        self._place = place
        self._port = port
        unset = {name: value for name, value in os.environ.items() if not name.startswith("HEADRACE_")}
        # A test must change neither the environment of the checkout nor the files of its user.
        self._environ = unset | {
            "HEADRACE_HOME": str(place / "home"),
            "XDG_CONFIG_HOME": str(place / "config"),
            "UV_PROJECT": str(ROOT),
            "UV_NO_SYNC": "1",
        }

    async def run(self, command: str) -> Done:
        """Run a command to its end."""
        async with asyncio.timeout(COMMAND_SECONDS), self._started(command) as process:
            assert process.stdout is not None
            said = (await process.stdout.read()).decode()
            return Done(command, await process.wait(), said)

    async def run_until(self, command: str, pattern: str, meanwhile: str | None = None) -> Done:
        """Run a command that does not end until it has said something, which ``meanwhile`` brings about."""
        said = ""
        async with asyncio.timeout(COMMAND_SECONDS), self._started(command) as process:
            assert process.stdout is not None
            while not re.search(pattern, said, re.MULTILINE):
                chunk = await process.stdout.read(1 << 16)
                assert chunk, f"{command} has ended: {said}"
                said += chunk.decode()
                if meanwhile is not None:
                    # Its first answer says that it follows.
                    assert (await self.run(meanwhile)).code == 0
                    meanwhile = None
        return Done(command, None, said)

    @asynccontextmanager
    async def _started(self, command: str) -> AsyncGenerator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            *("bash", "-euo", "pipefail", "-c", re.sub(rf"\b{PORT}\b", str(self._port), command)),
            cwd=self._place,
            env=self._environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
            limit=1 << 20,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGINT)
                await process.wait()


def commands() -> list[str]:
    """The commands of all blocks of the README that have shell commands, in order, without those that are left out."""
    found: list[str] = []
    left_out: list[str] = []
    for paragraph in re.split(r"\n\n+", TEXT):
        if named := re.fullmatch(r"<!-- tests leave out: (.*) -->", paragraph):
            left_out = named[1].split(", ")
        elif paragraph.startswith("    "):
            lines = re.sub(r"\\\n\s+", "", paragraph).splitlines()
            shell = [line.strip() for line in lines if re.match(r" {4}(uv|curl|echo|seq|pip) ", line)]
            found += [line for line in shell if not any(each in line for each in left_out)]
            left_out = []
    return found


def test_what_is_left_out_is_in_the_readme() -> None:
    for named in re.findall(r"<!-- tests leave out: (.*) -->\n\n((?: {4}.*\n)+)", TEXT):
        assert [each for each in named[0].split(", ") if each not in named[1]] == []


@pytest.mark.slow
async def test_every_command_works_in_order_on_an_empty_home_as_it_is_written() -> None:
    first, *tour = commands()
    assert first.startswith(f"pip install uv && {UP}")
    assert len(tour) >= 15
    place, port = make_place(), free_ports(1)[0]
    shell = Shell(place, port)
    try:
        async with shell._started(f"exec {UP} --port {port}") as up:  # pyright: ignore[reportPrivateUsage]
            said = await _until_ready(up, port)
            assert re.search(rf"http://127\.0\.0\.1:{port}/enter/\S+", said)
            assert (place / "home/credentials.json").exists()
            for command in tour:
                await _check(shell, command)
    finally:
        shutil.rmtree(place)


async def _check(shell: Shell, command: str) -> None:
    """Run a command of the README, and compare what it shows."""
    pattern = next((shown for known, shown in SHOWN if known in command), None)
    assert pattern is not None, f"nobody knows what this shows: {command}"
    if command.startswith("curl -N"):
        done = await shell.run_until(command, pattern, meanwhile=SUBMIT)
    elif "headrace tail" in command:
        done = await shell.run_until(command, pattern)
    else:
        done = await shell.run(command)
        assert done.code == 0, done
    assert re.search(pattern, done.said, re.MULTILINE), done


async def _until_ready(up: asyncio.subprocess.Process, port: int) -> str:
    """Return what `up` says until it is ready, and go on reading, so that it never waits for a reader."""
    assert up.stdout is not None
    async with asyncio.timeout(COMMAND_SECONDS):
        said: list[str] = []
        # Where the web app has to be built first, the link comes after the line `ready`.
        while f"ready http://127.0.0.1:{port}\n" not in said or not any("/enter/" in line for line in said):
            line = await up.stdout.readline()
            assert line, said
            said.append(line.decode())
    _reading.add(asyncio.create_task(up.stdout.read()))
    return "".join(said)


_reading: set[asyncio.Task[bytes]] = set()
