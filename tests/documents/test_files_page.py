"""The commands and the program of docs/files.md work as they are written, beside workers with the sample kinds."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
from collections.abc import Generator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from headrace.testing.stack import HeadraceUp, running_stack
from tests.conftest import make_place
from tests.documents import pages

PAGE = "files.md"
PATIENCE_SECONDS = 60.0


@pytest.fixture
def stack() -> Generator[HeadraceUp]:
    with running_stack({"HEADRACE_CONSUMERS": "consumers"}) as up:
        yield up


@pytest.fixture
def place() -> Generator[Path]:
    """A directory with the files that the page names."""
    made = make_place()
    (made / "photos").mkdir()
    (made / "report.pdf").write_bytes(b"%PDF-1.4\n%%EOF\n")
    for number, name in enumerate(("photo.jpg", "photos/a.jpg", "photos/b.jpg"), 1):
        picture = BytesIO()
        Image.new("RGB", (800, 600), (number, 0, 0)).save(picture, "JPEG")
        (made / name).write_bytes(picture.getvalue())
    yield made
    shutil.rmtree(made)


@pytest.mark.slow
async def test_every_command_and_the_program_work(stack: HeadraceUp, place: Path) -> None:
    put, ls, get, rm, *submits = pages.commands(PAGE)
    assert [line.split()[:3] for line in (put, ls, get, rm)] == [
        ["headrace", "files", each] for each in ("put", "ls", "get", "rm")
    ]
    ids = (await _bash(stack, place, put)).split()
    assert len(ids) >= 2
    assert "report.pdf" in await _bash(stack, place, ls)
    await _bash(stack, place, get.replace("ID [TO]", f"{ids[0]} again.pdf"))
    assert (place / "again.pdf").read_bytes() == (place / "report.pdf").read_bytes()
    await _bash(stack, place, rm.replace("ID", ids[0]))
    (program,) = pages.programs(PAGE, "python")
    (place / program.file).write_text(program.code)
    await _bash(stack, place, f"python {program.file}")
    assert (place / "small.webp").stat().st_size
    batch = ""
    for line in submits:
        said = await _bash(stack, place, line.replace("BATCH", batch))
        batch = batch or (found[1] if (found := re.search(r'"id": "(\S+)",\s+"kind": "image_variants"', said)) else "")
    assert batch, "the page has a batch, and tasks about its results"


async def _bash(stack: HeadraceUp, place: Path, command: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    process = await asyncio.create_subprocess_exec(
        *("bash", "-euo", "pipefail", "-c", command),
        cwd=place,
        env={**os.environ, **stack.environ, "PATH": path},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(PATIENCE_SECONDS):
        said, complained = await process.communicate()
    assert process.returncode == 0, (command, complained.decode())
    return said.decode()
