"""Headrace as the first process of a container, for which the kernel drops signals without a handler."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys

import psutil
import pytest

from tests.waiting import WAIT_SECONDS

LOADS = """
import signal
from headrace import cli

def load(_):
    print("loading", flush=True)
    signal.pause()

cli.run_cli = load
cli.main()
"""


@pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("unshare") is None, reason="only root may give a process numbers of its own"
)
async def test_a_first_process_that_is_stopped_while_it_loads_its_modules_ends_at_once() -> None:
    process = await asyncio.create_subprocess_exec(
        *("unshare", "--pid", "--fork", "--kill-child", sys.executable, "-c", LOADS), stdout=asyncio.subprocess.PIPE
    )
    assert process.stdout is not None
    async with asyncio.timeout(WAIT_SECONDS):
        assert await process.stdout.readline() == b"loading\n"
        (first,) = psutil.Process(process.pid).children()
        first.send_signal(signal.SIGTERM)
        assert await process.wait() == 128 + signal.SIGTERM
