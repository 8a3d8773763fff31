"""The programs of the guide and of kinds-with-files.md, as files of a project that `headrace init` has begun, with the frameworks that they are about.

A block of code is a file of the project when its first line names one. Blocks below tests/ are tests, which pytest runs there.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from headrace.cli.terminal.starter import write_starter
from tests.conftest import make_place
from tests.documents import pages

PAGES = [*pages.listed("The guide"), "kinds-with-files.md"]
FILES = {program.file: program.code for page in PAGES for program in pages.programs(page, "python") if program.file}
TESTS = {name: code for name, code in FILES.items() if name.startswith("tests/")}
WITH_SERVERS = {name for name, code in TESTS.items() if "headrace_up" in code}
WITH = ("pytest", "django", "fastapi")

# What the commands show of the pages whose kinds are files of the project.
COMMANDS = {
    "kinds.md": {"headrace kinds": r"^lines ", "headrace submit": r'"cents": ?49900'},
}


def test_every_page_of_the_guide_that_names_files_names_each_once() -> None:
    named = [program.file for page in PAGES for program in pages.programs(page, "python") if program.file]
    assert sorted(named) == sorted(FILES)
    assert {"tests/test_django.py", "tests/test_fastapi.py"} <= WITH_SERVERS


@pytest.fixture(scope="module")
async def project() -> AsyncGenerator[Path]:
    place = make_place()
    made = place / "project"
    await write_starter(made)
    for name, code in FILES.items():
        (made / name).parent.mkdir(exist_ok=True)
        (made / name).write_text(code)
    shown = [
        (command, pattern)
        for page, patterns in COMMANDS.items()
        for command in pages.commands(page)
        for known, pattern in patterns.items()
        if known in command
    ]
    assert len(shown) == sum(len(pages.commands(page)) for page in COMMANDS)
    (made / "commands.json").write_text(json.dumps(shown))
    shutil.copy(Path(__file__).with_name("in_project") / "commands.py", made / "tests/test_commands.py")
    yield made
    shutil.rmtree(place, ignore_errors=True)


async def test_the_tests_that_need_no_server_pass(project: Path) -> None:
    names = sorted({"tests/test_word_count.py", *TESTS} - WITH_SERVERS)
    tests = 1 + sum(TESTS[name].count("def test_") for name in names if name in TESTS)
    said = await _run(sys.executable, "-m", "pytest", "-q", *names, at=project)
    # One more is the test that `headrace init` writes.
    assert f"{tests} passed" in said


@pytest.mark.slow
async def test_the_programs_and_commands_work_with_everything(project: Path) -> None:
    python = project.parent / "venv/bin/python"
    await _run("uv", "venv", "--quiet", "--python", sys.executable, str(python.parents[1]), at=project)
    await _run(
        "uv", "pip", "install", "--quiet", "--python", str(python), "--editable", str(pages.ROOT), *WITH, at=project
    )
    tests = sum(TESTS[name].count("def test_") for name in WITH_SERVERS)
    commands = len(json.loads((project / "commands.json").read_text()))
    said = await _run(str(python), "-m", "pytest", "-q", *sorted(WITH_SERVERS), "tests/test_commands.py", at=project)
    assert f"{tests + commands} passed" in said


async def _run(*command: str, at: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=at,
        env={name: value for name, value in os.environ.items() if not name.startswith(("HEADRACE_", "VIRTUAL_ENV"))},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()
