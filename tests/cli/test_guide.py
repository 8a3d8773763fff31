"""The commands and programs of the guide that need nothing but the first kind, as they are written, against a running `headrace up`."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest

from headrace.cli.terminal.starter import write_starter
from headrace.client import Client
from tests.cli.conftest import Up
from tests.cli.kinds import WordCount, word_count
from tests.documents import pages

PATIENCE_SECONDS = 60.0
HERE = "http://127.0.0.1:8080"  # as the pages have it
ENDLESS = ("curl -N", "headrace tail")  # what follows for ever; it is stopped when it has shown what it should

# There is one already, and a second is refused; `tests/embedded` starts it with these options.
RUNNING = "headrace up"

# What the commands of a page show together, in this order.
SHOWN = {
    "web-app.md": [],
    "batches.md": [r'"succeeded": 1000'],
    "schedules.md": [r"word_count", r"pending$"],
    "deploying.md": [r"^\S{40,}$"],
    "operating.md": [r"word_count", r"^OK ", r"^word_count paused$", r"^word_count resumed$"],
}
FOLLOWED = {"browser.md": r"^event: queued$", "how-it-works.md": r"queued.*word_count|word_count.*queued"}
# What a program prints.
PRINTED = {
    "batches.md": r"2 of 2\none 6\ntwo 4\n$",
    "schedules.md": r"^\S+ 20\d\d-\d\d-\d\d 0[78]:30:00\+00:00$",
    "coming-from.md": r"^2$",
}


@pytest.fixture(scope="module")
async def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("project")
    await write_starter(place)
    return place


@pytest.mark.slow
@pytest.mark.parametrize("page", SHOWN)
async def test_the_commands_of_a_page_work_in_order(up: Up, project: Path, page: str) -> None:
    lines = [line for line in pages.commands(page) if RUNNING not in line]
    assert lines
    assert not [line for line in lines if any(each in line for each in ENDLESS)]
    said = await _bash(up, project, "\n".join(lines))
    for pattern in SHOWN[page]:
        found = re.search(pattern, said, re.MULTILINE)
        assert found, (pattern, said)
        said = said[found.end() :]


@pytest.mark.parametrize("page", PRINTED)
async def test_the_program_of_a_page_prints_what_it_should(up: Up, project: Path, page: str) -> None:
    program = next(each for each in pages.programs(page, "python") if each.file)
    (project / program.file).write_text(program.code)
    # Twice: once the second time changes nothing.
    for _ in range(2):
        assert re.search(PRINTED[page], await _bash(up, project, f"python {program.file}")), program.file


@pytest.mark.parametrize("page", FOLLOWED)
async def test_the_command_of_a_page_that_follows_shows_a_task(
    up: Up, client: Client, project: Path, page: str
) -> None:
    (line,) = pages.commands(page)
    assert any(each in line for each in ENDLESS)
    process = await _start(up, project, line)
    assert process.stdout is not None
    said = ""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not re.search(FOLLOWED[page], said, re.MULTILINE):
                # Also one that was submitted before the command followed: of the next one it hears.
                await client.submit(word_count, WordCount(text="one"))
                said += (await process.stdout.readline()).decode()
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()


def test_every_page_of_the_guide_is_executed_somewhere() -> None:
    # start.md is by tests/cli/test_init.py, and the others by tests/documents/test_programs.py.
    elsewhere = {"start.md", "kinds.md", "retries.md", "testing.md"}
    assert {*SHOWN, *FOLLOWED, *PRINTED, *elsewhere} == set(pages.listed("The guide"))


async def _bash(up: Up, place: Path, script: str) -> str:
    process = await _start(up, place, script)
    async with asyncio.timeout(PATIENCE_SECONDS):
        said, complained = await process.communicate()
    assert process.returncode == 0, complained.decode()
    return said.decode()


async def _start(up: Up, place: Path, script: str) -> asyncio.subprocess.Process:
    # What `uv run` would find is beside this Python, and the project's own kinds come first.
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ: dict[str, str] = {**up.shell.environ, "HEADRACE_URL": up.url, "HEADRACE_API_KEY": up.key}
    environ |= {"PATH": path, "PYTHONPATH": str(place)}
    return await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", script.replace("uv run ", "").replace(HERE, up.url)),
        cwd=place,
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
