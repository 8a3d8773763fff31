"""The client for TypeScript, built from its sources as it is published."""

from __future__ import annotations

import asyncio
import os
import shutil
from pathlib import Path

import pytest

from headrace import web_place
from headrace.embedded.node import Node, NodeMissing, is_installed


async def installed_sources() -> Path:
    """Return the sources of the web app and of the client, whose packages are installed; skips the test without them, but in CI."""
    frontend = web_place.sources()
    assert frontend is not None
    try:
        await Node.find()
        reason = "" if is_installed(frontend) else "the packages of the web app are not installed"
    except NodeMissing as missing:
        reason = str(missing)
    if reason:
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(reason)
    return frontend


async def build_client(sources: Path, package: Path) -> Path:
    """Make the package in a directory, and return that."""
    shutil.copy(sources / "client/package.json", package)
    await compiled(sources, "-p", str(sources / "client/tsconfig.build.json"), "--outDir", str(package / "dist"))
    return package


async def compiled(sources: Path, *arguments: str) -> None:
    """Run the compiler, which must have nothing to say."""
    compiler = await asyncio.create_subprocess_exec(
        "node", str(sources / "node_modules/typescript/bin/tsc"), *arguments, stdout=asyncio.subprocess.PIPE
    )
    said, _ = await compiler.communicate()
    assert compiler.returncode == 0, said.decode()
