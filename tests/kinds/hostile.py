"""Kinds that do what no kind should."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
import time
from typing import Any

import msgspec

from headrace.task import Context, SyncContext, task
from tests.kinds.plain import Nothing, note

_open_pairs: list[tuple[socket.socket, socket.socket]] = []


class Total(msgspec.Struct):
    words: int


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
async def pass_on(input: Nothing, context: Context) -> msgspec.Raw:
    """Return what another service answered, which is no JSON today."""
    return msgspec.Raw(b"<html>502 Bad Gateway</html>")


@task(process=True)
def pass_on_in_process(input: Nothing, context: SyncContext) -> msgspec.Raw:
    return msgspec.Raw(b"<html>502 Bad Gateway</html>")


@task()
async def leave_a_field_out(input: Nothing, context: Context) -> Total:
    total = Total(words=1)
    del total.words
    return total


@task()
def stop_iteration(input: Nothing, context: SyncContext) -> None:
    raise StopIteration


class Unspeakable(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


@task()
async def raise_the_unspeakable(input: Nothing, context: Context) -> None:
    raise Unspeakable


@task(process=True)
def raise_the_unspeakable_in_process(input: Nothing, context: SyncContext) -> None:
    raise Unspeakable


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


@task(timeout=0.3)
def hang_in_c(input: Nothing, context: SyncContext) -> None:
    reader, _writer = socket.socketpair()
    reader.recv(1)


@task(timeout=0.3)
async def hang_in_c_beside_the_loop(input: Nothing, context: Context) -> None:
    pair = socket.socketpair()
    _open_pairs.append(pair)
    await asyncio.to_thread(pair[0].recv, 1)


@task(timeout=0.3, concurrency=2)
def hang_two_at_a_time(input: Nothing, context: SyncContext) -> None:
    reader, _writer = socket.socketpair()
    reader.recv(1)


async def _block() -> None:
    time.sleep(3600)  # noqa: ASYNC251, TID251 - the very thing


@task(timeout=1.5)
async def block_below(input: Nothing, context: Context) -> None:
    await asyncio.gather(_block(), asyncio.sleep(0))


@task(timeout=3600)
async def block_within_its_timeout(input: Nothing, context: Context) -> None:
    await _block()


@task(timeout=3600)
async def block_and_swallow(input: Nothing, context: Context) -> None:
    note(context.task_id)
    while True:
        try:
            await _block()
        except BaseException:  # noqa: BLE001
            continue
