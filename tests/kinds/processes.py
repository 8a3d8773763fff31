"""Kinds that run in processes: well-behaved ones first."""

from __future__ import annotations

import os
import subprocess
import sys
import threading

import msgspec

from headrace.task import Retry, SyncContext, task
from tests.kinds.hostile import Counts
from tests.kinds.plain import Gate, Nothing, Text


class InProcess(msgspec.Struct, frozen=True):
    text: str
    attempt: int
    pid: int
    in_main_thread: bool


class Bytes(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much to take, in how large pieces."""

    total: int
    piece: int


class Broken(ValueError):
    """An exception of a handler's own."""


@task(process=True)
def noop_in_process(input: Nothing, context: SyncContext) -> None:
    pass


@task(process=True)
def echo_in_process(input: Text, context: SyncContext) -> InProcess:
    print("printed", flush=True)
    os.write(1, b"written\n")
    context.progress(0.5, "half")
    context.log("from a process", level="warning")
    context.emit({"chunk": 1})
    return InProcess(input.text, context.attempt, os.getpid(), threading.current_thread() is threading.main_thread())


@task(process=True, timeout=30)
def until_cancelled(input: Nothing, context: SyncContext) -> int:
    """Its pid, when it was cancelled."""
    context.emit(os.getpid())
    while not context.cancelled:
        threading.Event().wait(0.01)
    return os.getpid()


@task(process=True, timeout=0.5)
def until_timed_out(input: Gate, context: SyncContext) -> None:
    """Leave a file when it is told to stop."""
    while not context.cancelled:
        threading.Event().wait(0.01)
    with open(os.path.join(os.environ["HEADRACE_TEST_DIR"], input.name), "w"):  # noqa: PTH118, PTH123
        pass


@task(process=True)
def flood(input: Nothing, context: SyncContext) -> int:
    steps = 100_000
    for step in range(steps + 1):
        context.progress(step / steps)
    return steps


@task(process=True)
def says_it_wrong(input: Nothing, context: SyncContext) -> list[str]:
    """What it is told when it does."""
    told: list[str] = []
    for wrong in (
        lambda: context.progress(1.5),
        lambda: context.emit(threading.Lock()),
        lambda: context.emit("x" * (300 << 10)),
        lambda: context.emit("x" * (17 << 20)),
    ):
        try:
            wrong()
        except (TypeError, ValueError) as error:
            told.append(f"{type(error).__name__}: {error}")
    context.log("reading caf\udce9.txt")
    return told


@task(process=True)
def returns_retry_in_process(input: Nothing, context: SyncContext) -> Retry | None:
    return Retry(after=7, message="busy")


@task(process=True)
def raises_retry_in_process(input: Nothing, context: SyncContext) -> None:
    raise Retry


@task(process=True)
def fail_in_process(input: Nothing, context: SyncContext) -> None:
    raise Broken("no such thing as a free lunch")


@task(process=True)
def exit_in_process(input: Nothing, context: SyncContext) -> None:
    sys.exit(3)


@task(process=True)
def lie_in_process(input: Nothing, context: SyncContext) -> Counts:
    return "not counts"  # type: ignore[return-value]


@task(process=True)
def oversize_in_process(input: Nothing, context: SyncContext) -> str:
    return "x" * (600 << 10)


@task(process=True)
def die_in_process(input: Nothing, context: SyncContext) -> None:
    os._exit(9)


@task(process=True)
def die_with_company(input: Nothing, context: SyncContext) -> None:
    left_behind = subprocess.Popen(["sleep", "600"])
    context.emit(left_behind.pid)
    os._exit(9)


@task(process=True)
def shut_everything(input: Nothing, context: SyncContext) -> None:
    os.closerange(0, 100)
    threading.Event().wait()


@task(process=True, timeout=0.5)
def spin_in_process(input: Nothing, context: SyncContext) -> None:
    while True:
        pass


@task(process=True, memory=256 << 20)
def allocate(input: Bytes, context: SyncContext) -> int:
    """Its pid, when there was enough."""
    held = [bytes(input.piece) for _ in range(input.total // input.piece)]
    return os.getpid() if held else 0
