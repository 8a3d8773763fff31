"""Kinds for the tests of `run_kind`."""

from __future__ import annotations

import asyncio
import os
import threading
from datetime import UTC, datetime

import msgspec

from headrace.task import Backoff, Context, File, Retry, SyncContext, task

WITHOUT_JITTER = Backoff(initial=2, factor=3, jitter=0)


class Asked(msgspec.Struct, frozen=True):
    times: int = 0
    name: str = ""


class Told(msgspec.Struct, frozen=True):
    pid: int
    thread: str
    at: datetime


def tell() -> Told:
    return Told(os.getpid(), threading.current_thread().name, datetime.now(UTC))


@task(max_attempts=4, backoff=WITHOUT_JITTER, give_up_on=(KeyError,))
async def fails_first(input: Asked, context: Context) -> Told:
    await context.log(f"attempt {context.attempt}")
    if context.attempt <= input.times:
        raise KeyError(input.name) if input.name else ValueError("not yet")
    return tell()


@task(timeout=0.05, max_attempts=2, backoff=WITHOUT_JITTER)
async def hangs(input: Asked, context: Context) -> None:
    await asyncio.Event().wait()


@task(timeout=0.2)
def spins(input: Asked, context: SyncContext) -> None:
    while True:
        pass


@task(max_attempts=2)
def asks_again(input: Asked, context: SyncContext) -> Told | Retry:
    return Retry(60, "busy") if context.attempt == 1 else tell()


@task(process=True)
def in_process(input: Asked, context: SyncContext) -> Told:
    context.progress(1, "told")
    context.emit({"name": input.name})
    return tell()


@task(rate=1)
async def limited(input: Asked, context: Context) -> str:
    return "x" * input.times


@task()
async def wrong(input: Asked, context: Context) -> Told:
    return "told"  # type: ignore[return-value]  # what a checker would refuse is what is tried


class Copy(msgspec.Struct, frozen=True):
    file: File


@task()
async def copies(input: Copy, context: Context) -> str:
    opened = await context.open(input.file)
    saved = await context.save("copy.txt", await opened.read() + b"!", opened.media_type)
    return saved.id
