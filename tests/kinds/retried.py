"""Kinds that fail, and what becomes of those that do."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import msgspec

from headrace.task import Backoff, Context, Retry, SyncContext, task
from tests.kinds.plain import Gate, Nothing, note

SHORT = Backoff(initial=0.05, factor=2, jitter=0)
LONG = Backoff(initial=60, maximum=60, jitter=0)


class Plan(msgspec.Struct, frozen=True):
    """What every attempt does: ``ok``, or the name of what it raises; after the last, the last."""

    steps: list[str]
    after: float | None = None


class Expected(Exception):
    """Worth another attempt."""


class Unexpected(Expected):
    """Not even then."""


def step(plan: Plan, attempt: int) -> int | Retry:
    match plan.steps[min(attempt, len(plan.steps)) - 1]:
        case "ok":
            return attempt
        case "retry":
            raise Retry(plan.after, f"asked in attempt {attempt}")
        case "returned":
            return Retry(plan.after, f"asked in attempt {attempt}")
        case "expected":
            raise Expected(f"failed in attempt {attempt}")
        case "unexpected":
            raise Unexpected(f"failed in attempt {attempt}")
        case _:
            raise ValueError(f"failed in attempt {attempt}")


@task(max_attempts=3, backoff=SHORT)
async def flaky(input: Plan, context: Context) -> int | Retry:
    note(context.task_id)
    return step(input, context.attempt)


@task(max_attempts=3, backoff=SHORT)
def flaky_in_thread(input: Plan, context: SyncContext) -> int | Retry:
    note(context.task_id)
    return step(input, context.attempt)


@task(max_attempts=3, backoff=SHORT, process=True)
def flaky_in_process(input: Plan, context: SyncContext) -> int | Retry:
    return step(input, context.attempt)


@task(max_attempts=3, backoff=SHORT, retry_on=(Expected,), give_up_on=(Unexpected,))
async def choosy(input: Plan, context: Context) -> int | Retry:
    note(context.task_id)
    return step(input, context.attempt)


@task(max_attempts=3, backoff=SHORT, timeout=0.2)
async def slow_at_first(input: Nothing, context: Context) -> int:
    if context.attempt == 1:
        await asyncio.Event().wait()
    return context.attempt


@task(max_attempts=2, backoff=LONG)
async def fail_for_a_minute(input: Plan, context: Context) -> int | Retry:
    note(context.task_id)
    return step(input, context.attempt)


@task(timeout=120)
async def until_cancelled_async(input: Gate, context: Context) -> None:
    """Leave a file when it is stopped."""
    note(context.task_id)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        (Path(os.environ["HEADRACE_TEST_DIR"]) / input.name).touch()
        raise


@task(timeout=120)
async def swallows_cancellation(input: Gate, context: Context) -> str:
    """End as if nothing had been, when it is stopped."""
    note(context.task_id)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        (Path(os.environ["HEADRACE_TEST_DIR"]) / input.name).touch()
    return "as if nothing had been"


@task(timeout=120, max_attempts=3, backoff=SHORT)
async def fails_when_cancelled(input: Gate, context: Context) -> None:
    """Raise something of its own, when it is stopped."""
    note(context.task_id)
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        (Path(os.environ["HEADRACE_TEST_DIR"]) / input.name).touch()
        raise ValueError("torn") from None


@task(timeout=120)
def until_cancelled_in_thread(input: Gate, context: SyncContext) -> str:
    """Leave a file when it sees that it was cancelled."""
    note(context.task_id)
    while not context.cancelled:
        threading.Event().wait(0.01)
    (Path(os.environ["HEADRACE_TEST_DIR"]) / input.name).touch()
    return "saw it"


@task(timeout=120)
def ignores_cancellation(input: Gate, context: SyncContext) -> None:
    """Leave a file when it is stopped by force."""
    note(context.task_id)
    try:
        while True:
            threading.Event().wait(0.01)
    finally:
        (Path(os.environ["HEADRACE_TEST_DIR"]) / input.name).touch()


@task(timeout=120, process=True)
def until_cancelled_in_process(input: Gate, context: SyncContext) -> None:
    """Leave a file when it sees that it was cancelled."""
    note(context.task_id)
    while not context.cancelled:
        threading.Event().wait(0.01)
    (Path(os.environ["HEADRACE_TEST_DIR"]) / input.name).touch()
