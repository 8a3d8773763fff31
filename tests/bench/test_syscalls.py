"""System calls are counted of the process that makes them, and of no other."""

from __future__ import annotations

import asyncio
import sys
from asyncio.subprocess import PIPE, Process

import psutil
import pytest

from tests.bench.syscalls import can_count, counted

CALLS = 1_000
FEW = 100  # what a process does beside them, to read a line and to write one
CALLER = f"""
import os, sys
for _ in sys.stdin:
    for _ in range({CALLS}): os.getppid()
    print(flush=True)
"""


async def test_the_calls_of_a_process_are_counted_while_the_block_runs() -> None:
    if reason := await can_count():
        pytest.skip(reason)
    caller = await asyncio.create_subprocess_exec(sys.executable, "-c", CALLER, stdin=PIPE, stdout=PIPE)
    await call_and_wait(caller)
    async with counted({"caller": [psutil.Process(caller.pid)], "other": [psutil.Process()]}) as counts:
        assert counts == {}
        await call_and_wait(caller)
    await call_and_wait(caller)
    await caller.communicate(b"")
    assert CALLS <= counts["caller"] <= CALLS + FEW
    assert counts["other"] < CALLS


async def call_and_wait(caller: Process) -> None:
    """Have it make its calls once."""
    assert caller.stdin
    assert caller.stdout
    caller.stdin.write(b"\n")
    await caller.stdout.readline()
