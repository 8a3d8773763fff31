"""Kinds that the command line is tried with."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec

from headrace.task import Context, task

GATE_POLL_SECONDS = 0.02


class Text(msgspec.Struct, frozen=True):
    """A text to do something with."""

    text: str


class Gate(msgspec.Struct, frozen=True):
    """A file that somebody else makes."""

    path: str


@task(timeout=10, max_attempts=3)
async def shout(input: Text, context: Context) -> dict[str, str]:
    """Over at once."""
    return {"text": input.text.upper()}


@task(timeout=10, concurrency=20, rate=100)
async def narrate(input: Text, context: Context) -> list[str]:
    """Everything a handler can say."""
    await context.progress(0.25, "reading")
    await context.log(input.text, "warning")
    await context.emit("streamed\nin two lines")
    await context.emit({"row": 1})
    await context.progress(1, "done")
    return input.text.split()


@task(timeout=10)
async def break_down(input: Text, context: Context) -> None:
    """Fails."""
    raise ValueError(input.text)


@task(timeout=60)
async def pass_gate(input: Gate, context: Context) -> str:
    """Runs until the file is there."""
    await context.log("at the gate")
    while not Path(input.path).exists():  # noqa: ASYNC240 - of no interest to anybody else here
        await asyncio.sleep(GATE_POLL_SECONDS)
    await context.log("through the gate")
    return "passed"


class WordCount(msgspec.Struct, frozen=True):
    """Count the words of a text."""

    text: str


class Counts(msgspec.Struct, frozen=True):
    words: int


@task(timeout=30)
async def word_count(input: WordCount, context: Context) -> Counts:
    """The kind of docs/client.md."""
    return Counts(words=len(input.text.split()))
