"""Kinds that reach for their worker: its event loop, its signals, its processes."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import resource
import signal
import socket
import stat
import sys
import threading
from pathlib import Path
from typing import Literal

import msgspec

from headrace.task import Context, SyncContext, task
from tests.kinds.plain import Nothing, note

FILES_MAX = 512  # that the worker may have open


class Way(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A way to end more than oneself."""

    how: Literal["gather", "group", "interrupt", "forgotten", "callback", "stop", "close"]


async def _leave(with_: BaseException) -> None:
    await asyncio.sleep(0)
    raise with_


@task(timeout=15)
async def end_the_loop(input: Way, context: Context) -> str:
    note(context.task_id)
    loop = asyncio.get_running_loop()
    forgotten: asyncio.Task[None] | None = None
    match input.how:
        case "gather":
            await asyncio.gather(_leave(SystemExit(3)), asyncio.sleep(1))
        case "group":
            async with asyncio.TaskGroup() as group:
                group.create_task(_leave(SystemExit(3)))
        case "interrupt":
            await asyncio.create_task(_leave(KeyboardInterrupt()))
        case "forgotten":
            forgotten = asyncio.create_task(_leave(SystemExit(3)))
        case "callback":
            loop.call_soon(sys.exit, 3)
        case "stop":
            loop.stop()
        case "close":
            loop.close()
    await asyncio.sleep(0.1)
    del forgotten
    return "went on"


@task(timeout=15)
async def cancel_everything(input: Nothing, context: Context) -> None:
    note(context.task_id)
    for each in asyncio.all_tasks():
        each.cancel()


@task(timeout=15)
def leave_a_thread(input: Nothing, context: SyncContext) -> None:
    threading.Thread(target=threading.Event().wait, name="left behind", daemon=False).start()


@task(timeout=15)
def use_a_pool(input: Nothing, context: SyncContext) -> str:
    fork = multiprocessing.get_context("fork")
    with fork.Pool(1) as pool:
        pool.apply(os.getpid)
    return "left"


class Child(msgspec.Struct, frozen=True):
    pid: int
    term: bool
    sockets_before: int
    sockets: int


def _tcp_sockets() -> int:
    """How many TCP sockets this process has open: its connections to NATS, and where it answers health checks."""
    found = 0
    for name in Path("/proc/self/fd").iterdir():
        try:
            if stat.S_ISSOCK(os.fstat(int(name.name)).st_mode):
                with socket.socket(fileno=os.dup(int(name.name))) as each:
                    found += each.family in (socket.AF_INET, socket.AF_INET6)
        except OSError:
            continue
    return found


@task(timeout=15)
def fork_and_return(input: Nothing, context: SyncContext) -> int:
    note(context.task_id)
    return os.fork()


@task(timeout=15)
async def fork_and_go_on(input: Nothing, context: Context) -> int:
    note(context.task_id)
    child = os.fork()
    await asyncio.sleep(0.2)
    return child


@task(timeout=15)
def fork_a_child_that_stays(input: Nothing, context: SyncContext) -> Child:
    """Its child outlives the worker; what it says about itself comes through a pipe."""
    reader, writer = os.pipe()
    before = _tcp_sockets()
    child = os.fork()
    if child == 0:
        default = signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
        os.write(writer, msgspec.json.encode(Child(os.getpid(), default, before, _tcp_sockets())))
        os.close(writer)
        # The test waits for the end of what the worker writes there.
        os.closerange(0, 3)
        signal.pause()
        os._exit(0)
    os.close(writer)
    said = os.read(reader, 1000)
    os.close(reader)
    return msgspec.json.decode(said, type=Child)


@task(timeout=15)
def leave_files_open(input: Nothing, context: SyncContext) -> str:
    """Open files until the system refuses another one."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES_MAX, hard))
    try:
        while True:
            os.open(os.devnull, os.O_RDONLY)
    except OSError as error:
        return str(error.strerror)


@task(timeout=15)
def close_standard_error(input: Nothing, context: SyncContext) -> None:
    sys.stderr.close()
    raise ValueError("so that the worker logs something")
