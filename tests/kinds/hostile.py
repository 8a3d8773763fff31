"""Kinds that do what no kind should."""

from __future__ import annotations

import asyncio
import os
import threading
import time
from typing import Any

import msgspec

from headrace.task import Context, SyncContext, task
from tests.kinds.plain import Nothing, note


class Counts(msgspec.Struct, frozen=True):
    words: int


@task()
async def fail(input: Nothing, context: Context) -> None:
    raise ValueError("no such thing as a free lunch")


@task(timeout=0.3)
async def hang(input: Nothing, context: Context) -> None:
    await asyncio.Event().wait()


@task(timeout=0.3)
async def hang_on(input: Nothing, context: Context) -> None:
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


@task(timeout=0.3)
def hang_in_thread(input: Nothing, context: SyncContext) -> None:
    while True:
        threading.Event().wait(0.01)


@task(timeout=1.5)
async def block(input: Nothing, context: Context) -> None:
    time.sleep(3600)  # noqa: ASYNC251, TID251 - the very thing


@task(timeout=1.5)
async def spin(input: Nothing, context: Context) -> None:
    while True:
        pass


@task()
async def unencodable(input: Nothing, context: Context) -> Any:
    return threading.Lock()


@task()
async def lie(input: Nothing, context: Context) -> Counts:
    return "not counts"  # type: ignore[return-value]


@task()
async def oversize(input: Nothing, context: Context) -> str:
    return "x" * (600 << 10)


@task()
async def die(input: Nothing, context: Context) -> None:
    note(context.task_id)
    os._exit(9)
