"""What a type checker has to accept of the clients, and what it has to refuse: their lines are marked. It is never run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import assert_type

import msgspec

from headrace.client import (
    BatchHandle,
    Client,
    StreamEvent,
    SyncBatchHandle,
    SyncClient,
    SyncTaskHandle,
    TaskHandle,
    TaskRef,
)
from headrace.contracts.batches import Batch
from headrace.contracts.tasks import Priority, Task, TaskSummary
from headrace.task import Context, Retry, SyncContext, task


class WordCount(msgspec.Struct, frozen=True):
    text: str


class Counts(msgspec.Struct, frozen=True):
    words: int


class Resize(msgspec.Struct, frozen=True):
    photo: str


@task(timeout=30)
async def word_count(input: WordCount, context: Context) -> Counts:
    return Counts(words=len(input.text.split()))


@task(timeout=30)
async def patient_count(input: WordCount, context: Context) -> Counts | Retry:
    return Retry(after=1) if not input.text else Counts(words=1)


@task(process=True)
def count_lines(input: WordCount, context: SyncContext) -> list[int]:
    return [len(line) for line in input.text.splitlines()]


@task()
async def forget(input: WordCount, context: Context) -> None:
    """It has no result."""


resize = TaskRef[Resize, Counts | None]("resize")


async def submit(client: Client) -> None:
    handle = await client.submit(word_count, WordCount(text="one two"), priority=Priority.HIGH, delay=1.5)
    assert_type(handle, TaskHandle[Counts])
    assert_type(await handle.result(timeout=1), Counts)
    assert_type(await handle.ended(), Task)
    async for event in handle.follow():
        assert_type(event, StreamEvent)
    assert_type(await (await client.submit(patient_count, WordCount(text=""))).result(), Counts)
    assert_type(await (await client.submit(count_lines, WordCount(text=""))).result(), list[int])
    assert_type(await (await client.submit(resize, Resize(photo="f"))).result(), Counts | None)
    none = await client.submit(forget, WordCount(text=""))
    assert_type(none, TaskHandle[None])
    assert_type(await client.submit("word_count", {"text": "one"}, key="one"), TaskSummary)
    assert_type(client.handle(word_count, "id"), TaskHandle[Counts])


async def refuse(client: Client) -> None:
    await client.submit(word_count, Resize(photo="f"))  # refused
    await client.submit(word_count, {"text": "one"})  # refused
    await client.submit(resize, WordCount(text=""))  # refused
    await client.submit(word_count, WordCount(text=""), delays=1)  # refused
    await client.submit(word_count, WordCount(text=""), delay="soon")  # refused
    print((await (await client.submit(word_count, WordCount(text=""))).result()).letters)  # refused
    await client.batch(word_count, [WordCount(text=""), Resize(photo="f")])  # refused
    await client.batch(word_count, [{"text": "one"}])  # refused
    await client.submit(3, WordCount(text=""))  # refused


async def batch(client: Client, more: AsyncIterator[WordCount]) -> None:
    handle = await client.batch(word_count, (WordCount(text=str(each)) for each in range(3)), name="three")
    assert_type(handle, BatchHandle[Counts])
    assert_type(await handle.settled(), Batch)
    async for outcome in handle.results():
        assert_type(outcome.result, Counts | None)
    assert_type(await client.batch(word_count, more), BatchHandle[Counts])
    assert_type(await client.batch("word_count", [{"text": "one"}]), Batch)
    assert_type(await client.batch("word_count", entries=[{"input": {"text": "one"}}]), Batch)


def block(client: SyncClient) -> None:
    handle = client.submit(word_count, WordCount(text="one two"), key="one")
    assert_type(handle, SyncTaskHandle[Counts])
    assert_type(handle.result(timeout=1), Counts)
    for event in handle.follow():
        assert_type(event, StreamEvent)
    assert_type(client.submit("word_count", {"text": "one"}), TaskSummary)
    assert_type(client.batch(word_count, [WordCount(text="")]), SyncBatchHandle[Counts])
    assert_type(client.handle(resize, "id").result(), Counts | None)
    assert_type(client.get("id", wait=5), Task)
    for each in client.follow("id", after="1-2"):
        assert_type(each, StreamEvent)
    for found in client.list(kind=["word_count"], page_size=10):
        assert_type(found, TaskSummary)


def refuse_to_block(client: SyncClient, more: AsyncIterator[WordCount]) -> None:
    client.submit(word_count, Resize(photo="f"))  # refused
    client.batch(word_count, [Resize(photo="f")])  # refused
    client.batch(word_count, more)  # refused
    client.get(5)  # refused
    client.get("id", patience=5)  # refused
    print(client.submit(word_count, WordCount(text="")).result().letters)  # refused
    client.list(kinds=["word_count"])  # refused
