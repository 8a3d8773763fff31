"""Kinds that end their worker, or hold on to it."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import threading

from headrace.task import Context, SyncContext, task
from tests.faults.features import OPTIONS
from tests.faults.kinds.ordinary import Job, note

TIMEOUT_SECONDS = 1.0
MEMORY_BYTES = 256 << 20


@task()
async def exits(input: Job, context: Context) -> None:
    note(context.task_id, context.attempt)
    os._exit(7)


@task(timeout=TIMEOUT_SECONDS)
async def waits_for_ever(input: Job, context: Context) -> None:
    note(context.task_id, context.attempt)
    await asyncio.Event().wait()


@task(timeout=TIMEOUT_SECONDS)
async def ignores_its_end(input: Job, context: Context) -> None:
    note(context.task_id, context.attempt)
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            continue


@task(timeout=TIMEOUT_SECONDS)
async def spins(input: Job, context: Context) -> None:
    note(context.task_id, context.attempt)
    while True:
        pass


@task(timeout=TIMEOUT_SECONDS)
def spins_in_thread(input: Job, context: SyncContext) -> None:
    note(context.task_id, context.attempt)
    while True:
        threading.Event().wait(0.01)


@task(timeout=TIMEOUT_SECONDS)
def holds_the_interpreter(input: Job, context: SyncContext) -> int:
    note(context.task_id, context.attempt)
    return sum(range(10**13))


@task(timeout=30)
def uses_a_pool(input: Job, context: SyncContext) -> int:
    note(context.task_id, context.attempt)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return sum(pool.map(int, [input.number] * 8)) // 8


if "process" in OPTIONS:

    @task(process=True)
    def exits_in_process(input: Job, context: SyncContext) -> None:
        note(context.task_id, context.attempt)
        os._exit(7)

    @task(process=True, timeout=TIMEOUT_SECONDS)
    def spins_in_process(input: Job, context: SyncContext) -> None:
        note(context.task_id, context.attempt)
        while True:
            pass

    @task(process=True, timeout=20, memory=MEMORY_BYTES)
    def hogs_memory(input: Job, context: SyncContext) -> int:
        note(context.task_id, context.attempt)
        held = []
        for _ in range(64):
            held.append(bytearray(MEMORY_BYTES // 16))
        return len(held)

    @task(process=True)
    def computes_in_process(input: Job, context: SyncContext) -> int:
        note(context.task_id, context.attempt)
        return sum(range(input.number))
