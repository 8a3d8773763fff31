"""docs/testing.md: its examples run as they stand there, with the frameworks that they are about."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Generator
from pathlib import Path

import pytest

from headrace.cli.terminal.starter import write_starter
from tests.conftest import make_place

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/testing.md").read_text()
BLOCKS = dict(re.findall(r"```python\n# (\S+\.py)\n(.*?)```", TEXT, re.DOTALL))
TESTS = sum(block.count("def test_") for name, block in BLOCKS.items() if name.startswith("tests/"))
WITH = ("pytest", "django", "fastapi")


def test_every_block_of_code_is_run() -> None:
    assert TEXT.count("```python") == len(BLOCKS)
    assert {"tests/test_django.py", "tests/test_fastapi.py"} <= BLOCKS.keys()


@pytest.fixture
def place() -> Generator[Path]:
    made = make_place()
    yield made
    shutil.rmtree(made, ignore_errors=True)


@pytest.mark.slow
async def test_its_examples_pass_in_a_project_that_headrace_init_has_begun(place: Path) -> None:
    project, python = place / "project", place / "venv/bin/python"
    await write_starter(project)
    for name, code in BLOCKS.items():
        (project / name).parent.mkdir(exist_ok=True)
        (project / name).write_text(code)
    await _run("uv", "venv", "--quiet", "--python", sys.executable, str(place / "venv"), at=place)
    await _run("uv", "pip", "install", "--quiet", "--python", str(python), "--editable", str(ROOT), *WITH, at=place)
    said = await _run(str(python), "-m", "pytest", "-q", "tests", at=project)
    # One more is the test that `headrace init` writes.
    assert f"{TESTS + 1} passed" in said


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
