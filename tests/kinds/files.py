"""Kinds that read and save files."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated

import msgspec

from headrace.task import (
    Backoff,
    Context,
    File,
    FileStoreUnavailable,
    Results,
    SyncContext,
    accepts,
    read_results,
    task,
)
from tests.kinds.plain import note

QUICKLY = Backoff(initial=0.05, factor=1, maximum=0.05)


class Copy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Copies a file."""

    source: File
    name: str = "copy.txt"


class Pictures(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Has files in several places."""

    cover: Annotated[File, accepts("image/*")] | None = None
    others: list[File] = []


class Two(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Has two files."""

    left: File
    right: File | None = None


class Save(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Saves some bytes."""

    name: str = "result.bin"
    size: int = 4
    gate: str | None = None


class Copied(msgspec.Struct, frozen=True):
    file: str
    size: int
    directory: str


def half(chunks: bytes) -> bytes:
    return chunks[: len(chunks) // 2]


@task(max_attempts=3, backoff=QUICKLY)
async def copy_file(input: Copy, context: Context) -> Copied:
    """Read by chunks, whole and by path; save chunks, bytes and a path."""
    note(context.task_id)
    opened = await context.open(input.source)
    whole = b"".join([chunk async for chunk in opened])
    path = await opened.path()
    assert path.read_bytes() == whole == await opened.read()
    assert (opened.size, opened.name) == (len(whole), "source.txt")

    async def chunks() -> AsyncIterator[bytes]:
        yield half(whole)
        yield whole[len(whole) // 2 :]

    await context.save("bytes.txt", whole, "text/plain")
    await context.save("path.txt", path, "text/plain")
    saved = await context.save(input.name, chunks(), opened.media_type)
    return Copied(file=saved.id, size=saved.size, directory=str(path.parent))


def _copy(input: Copy, context: SyncContext) -> Copied:
    note(context.task_id)
    opened = context.open(input.source)
    whole = b"".join(opened)
    path = opened.path()
    assert path.read_bytes() == whole == opened.read()
    assert (opened.size, opened.name) == (len(whole), "source.txt")

    def chunks() -> Iterator[bytes]:
        yield half(whole)
        yield whole[len(whole) // 2 :]

    context.save("bytes.txt", whole, "text/plain")
    context.save("path.txt", path, "text/plain")
    saved = context.save(input.name, chunks(), opened.media_type)
    return Copied(file=saved.id, size=saved.size, directory=str(path.parent))


@task(max_attempts=3, backoff=QUICKLY)
def copy_file_in_thread(input: Copy, context: SyncContext) -> Copied:
    assert threading.current_thread() is not threading.main_thread()
    return _copy(input, context)


@task(process=True, max_attempts=3, backoff=QUICKLY)
def copy_file_in_process(input: Copy, context: SyncContext) -> Copied:
    assert threading.current_thread() is threading.main_thread()
    return _copy(input, context)


@task()
async def take_pictures(input: Pictures, context: Context) -> int:
    return len(input.others)


@task(max_attempts=3, backoff=QUICKLY, retry_on=(), timeout=10)
async def save_file(input: Save, context: Context) -> str:
    """Save zeros; hold on after the first megabyte until the gate is open, once it was reached."""
    note(context.task_id)

    async def chunks() -> AsyncIterator[bytes]:
        left = input.size
        while left:
            yield bytes(min(left, 1 << 20))
            left -= min(left, 1 << 20)
            if input.gate is not None:
                place = Path(os.environ["HEADRACE_TEST_DIR"])
                (place / f"{input.gate}-reached").touch()
                while not (place / input.gate).exists():
                    await asyncio.sleep(0.02)

    return (await context.save(input.name, chunks(), "application/octet-stream")).id


@task(process=True)
def save_in_process(input: Save, context: SyncContext) -> str:
    return context.save(input.name, bytes(input.size), "application/octet-stream").id


@task(timeout=3, max_attempts=2, backoff=QUICKLY, retry_on=())
def save_in_thread(input: Save, context: SyncContext) -> str:
    note(context.task_id)
    return context.save(input.name, bytes(input.size), "application/octet-stream").id


@task(max_attempts=2, backoff=QUICKLY)
async def save_twice(input: Save, context: Context) -> int:
    """Save a file in each attempt; only the second one succeeds."""
    await context.save(input.name, b"of attempt %d" % context.attempt, "text/plain")
    if context.attempt == 1:
        raise ValueError("once more")
    return context.attempt


@task()
async def survive_without(input: Copy, context: Context) -> str:
    """Catch what goes wrong, as a handler may that can do without a file."""
    try:
        await context.open(input.source)
    except FileStoreUnavailable as error:
        return str(error)
    return "there"


class Talk(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Writes lines and streams chunks."""

    lines: int = 2
    chars: int = 10
    fail_first: bool = False


@task(max_attempts=2, backoff=QUICKLY)
async def talk_and_keep(input: Talk, context: Context) -> None:
    for number in range(input.lines):
        await context.log(f"{context.attempt}.{number} ".ljust(input.chars, "x"))
    await context.emit({"of": context.attempt})
    if input.fail_first and context.attempt == 1:
        raise ValueError("once more")


@task()
async def name_files(input: Two, context: Context) -> list[str]:
    """Return what the files are called."""
    named = [each for each in (input.left, input.right) if each is not None]
    return [(await context.open(each)).name for each in named]


class Gathered(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Has many files, or the results of a batch."""

    files: list[File] | None = None
    results: Results | None = None


@task()
async def gather_files(input: Gathered, context: Context) -> list[str]:
    """Return what the files are called."""
    return [(await context.open(each)).name for each in input.files or ()]


class Sum(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Counts what became of the tasks of a batch."""

    results: Results


@task()
async def sum_results(input: Sum, context: Context) -> dict[str, int]:
    """Read the results, and open each file."""
    size = tasks = failed = 0
    async for each in read_results(await context.open(input.results)):
        tasks, failed = tasks + 1, failed + (each.error is not None)
        for file in each.files:
            size += len(await (await context.open(file.id)).read())
    return {"tasks": tasks, "failed": failed, "bytes": size}
