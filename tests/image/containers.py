"""Containers without an engine: programs of the image, with the environment and the rights that compose.yaml gives them."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.image.conftest import Image
from tests.member import Member
from tests.waiting import WAIT_SECONDS

USER = 10001
OUTPUT_LIMIT = 1 << 20  # bytes of one line


class Containers:
    """Starts programs of an image as its user, who may write temporary files and nothing else.

    Args:
        image: The image.
        temporary: What stands in for /tmp.
    """

    def __init__(self, image: Image, temporary: Path) -> None:
        self._image = image
        self._temporary = temporary
        self._members: list[Member] = []
        temporary.mkdir(mode=0o700)
        if os.geteuid() == 0:
            os.chown(temporary, USER, USER)

    async def start(self, name: str, *command: str, environ: Mapping[str, str]) -> Member:
        """Start the entry point with arguments."""
        member = Member(name, await self._spawn(*command, environ=environ))
        self._members.append(member)
        return member

    async def run(self, *command: str, environ: Mapping[str, str]) -> tuple[int, str]:
        """Run the entry point with arguments to its end; returns the exit code and what was said."""
        process = await self._spawn(*command, environ=environ)
        async with asyncio.timeout(WAIT_SECONDS):
            out, err = await process.communicate()
        return process.returncode or 0, (out + err).decode()

    async def close(self) -> None:
        """Stop all that runs."""
        for member in self._members:
            await member.kill()

    async def _spawn(self, *command: str, environ: Mapping[str, str]) -> asyncio.subprocess.Process:
        build = self._image.build
        variables = build.environment("headrace") | self._image.python.variables
        entry = shutil.which("headrace", path=variables["PATH"])
        assert entry == str(build.root / "app/.venv/bin/headrace")
        # The number of a user that has no name and no home directory, as in the image.
        as_user: dict[str, Any] = {"user": USER, "group": USER, "extra_groups": []} if os.geteuid() == 0 else {}
        return await asyncio.create_subprocess_exec(
            *(str(entry), *command),
            cwd=build.root / "app",
            env=variables | {"TMPDIR": str(self._temporary)} | dict(environ),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=OUTPUT_LIMIT,
            **as_user,
        )
