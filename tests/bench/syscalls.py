"""System calls by process, counted in the kernel by ``perf stat``: no process is stopped, as ``strace`` stops it for each call.

``perf`` has to be on PATH and may count what other processes do: for root, or where ``kernel.perf_event_paranoid`` is -1. A
counted call takes about a tenth of a microsecond longer, so nothing else is measured at the same time. Calls of a process that
starts while others are counted belong to the one that started it. The files of /proc would be cheaper, but `syscr` and `syscw`
know only read and write, and sockets are mostly used with send and receive.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
from collections.abc import AsyncGenerator, Iterable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import psutil

from headrace.embedded.process import Process
from tests.bench.errors import BenchError

EVENT = "raw_syscalls:sys_enter"
# What perf runs once it counts; it says so, and is there until perf ends it.
COUNTING = "counting"
MARK = ("sh", "-c", f"echo {COUNTING}; exec sleep 600")
READY_SECONDS = 10.0
STOP_SECONDS = 10.0


async def can_count() -> str:
    """Return why system calls cannot be counted here; empty when they can."""
    perf = shutil.which("perf")
    if perf is None:
        return "there is no perf on PATH"
    attempt = await Process.start((perf, "stat", "-x,", "-e", EVENT, "-p", str(psutil.Process().pid), "--", "true"))
    code = await attempt.finish(READY_SECONDS)
    return "" if code == 0 else f"perf may not count {EVENT}: {attempt.cause()}"


@asynccontextmanager
async def counted(processes: Mapping[str, Iterable[psutil.Process]]) -> AsyncGenerator[dict[str, int]]:
    """Count the system calls of processes while the block runs; the counts are there after it, by name.

    Raises:
        BenchError: They were not counted.
        EmbeddedError: perf does not count; see `can_count`.
    """
    perf = shutil.which("perf")
    if perf is None:
        raise BenchError("there is no perf on PATH")
    counts: dict[str, int] = {}
    with tempfile.TemporaryDirectory(prefix="headrace-bench-") as place:
        files = {name: Path(place) / str(number) for number, name in enumerate(processes)}
        async with AsyncExitStack() as stack:
            for name, file in files.items():
                await stack.enter_async_context(_counting(perf, processes[name], file))
            yield counts
        counts |= {name: _count(file.read_text()) for name, file in files.items()}


@asynccontextmanager
async def _counting(perf: str, processes: Iterable[psutil.Process], file: Path) -> AsyncGenerator[None]:
    counting = False

    def on_line(line: str) -> None:
        nonlocal counting
        counting = counting or line == COUNTING

    async def is_counting() -> bool:
        return counting

    pids = ",".join(str(each.pid) for each in processes)
    argv = (perf, "stat", "-x,", "-o", str(file), "-e", EVENT, "-p", pids, "--", *MARK)
    process = await Process.start(argv, on_line=on_line)
    try:
        await process.ready(is_counting, READY_SECONDS)
        yield
    finally:
        # perf writes its counts when what it runs has ended, so both are told.
        if process.running:
            os.killpg(process.pid, signal.SIGINT)
        await asyncio.shield(process.finish(STOP_SECONDS))


def _count(said: str) -> int:
    """Read the count from ``124749,,raw_syscalls:sys_enter,…``.

    Raises:
        BenchError: There is none.
    """
    for line in said.splitlines():
        count, _, rest = line.partition(",")
        if EVENT in rest and count.isdecimal():
            return int(count)
    raise BenchError(f"perf has counted nothing: {said.strip()}")
