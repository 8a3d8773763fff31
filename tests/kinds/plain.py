"""Kinds that behave."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import msgspec

from headrace.task import Context, SyncContext, Title, task


class Nothing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """No input."""


class Text(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Some text."""

    text: str


class Echoed(msgspec.Struct, frozen=True):
    text: str
    attempt: int
    thread: bool


def note(task_id: str) -> None:
    """Write down that a handler was called, where tests look."""
    with (Path(os.environ["HEADRACE_TEST_DIR"]) / "calls").open("a") as file:
        file.write(f"{task_id} {os.getpid()}\n")


@task()
async def noop(input: Nothing, context: Context) -> None:
    pass


@task()
async def echo(input: Text, context: Context) -> Echoed:
    note(context.task_id)
    return Echoed(
        text=input.text, attempt=context.attempt, thread=threading.current_thread() is not threading.main_thread()
    )


@task()
def echo_in_thread(input: Text, context: SyncContext) -> Echoed:
    context.progress(0.5, "half")
    context.log("from a thread")
    context.emit({"chunk": 1})
    return Echoed(
        text=input.text, attempt=context.attempt, thread=threading.current_thread() is not threading.main_thread()
    )


@task()
async def talk(input: Nothing, context: Context) -> str:
    for step in range(20):
        await context.progress(step / 20, f"step {step}")
        await context.emit(step)
    await context.log("almost done", level="warning")
    await context.progress(1.0, "done")
    return "said"


class Gate(msgspec.Struct, frozen=True):
    """The name of a file to wait for."""

    name: Title


@task(timeout=120)
async def wait(input: Gate, context: Context) -> str:
    note(context.task_id)
    await context.progress(0.1, "waiting")
    while not (Path(os.environ["HEADRACE_TEST_DIR"]) / input.name).exists():
        await asyncio.sleep(0.01)
    return "opened"
