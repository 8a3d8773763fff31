"""Kinds that read other tasks of their owner."""

from __future__ import annotations

from typing import Any

import msgspec

from headrace.task import Backoff, Context, SyncContext, TaskMissing, task

QUICKLY = Backoff(initial=0.05, factor=1, maximum=0.05)


class Past(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Reads a task or a batch."""

    of_task: str = ""
    of_batch: str = ""


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A task of a batch."""

    name: str
    chars: int = 0
    fail: bool = False


@task(max_attempts=1)
async def make_part(input: Part, context: Context) -> dict[str, Any]:
    if input.fail:
        raise ValueError(f"{input.name} is broken")
    return {"name": input.name, "filled": "x" * input.chars}


def as_json(**read: object) -> dict[str, Any]:
    return msgspec.json.decode(msgspec.json.encode(read))


@task(max_attempts=2, backoff=QUICKLY)
async def read_past(input: Past, context: Context) -> dict[str, Any]:
    try:
        if input.of_task:
            return as_json(of_task=await context.read_task(input.of_task))
        batch = await context.read_batch(input.of_batch)
    except TaskMissing as error:
        return as_json(missing=str(error))
    return as_json(of_batch=batch, tasks=list(batch.tasks()))


def _read(input: Past, context: SyncContext) -> dict[str, Any]:
    try:
        if input.of_task:
            return as_json(of_task=context.read_task(input.of_task))
        batch = context.read_batch(input.of_batch)
    except TaskMissing as error:
        return as_json(missing=str(error))
    return as_json(of_batch=batch, tasks=list(batch.tasks()))


@task(max_attempts=2, backoff=QUICKLY)
def read_past_in_thread(input: Past, context: SyncContext) -> dict[str, Any]:
    return _read(input, context)


@task(process=True, max_attempts=2, backoff=QUICKLY)
def read_past_in_process(input: Past, context: SyncContext) -> dict[str, Any]:
    return _read(input, context)
