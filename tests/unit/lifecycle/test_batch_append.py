from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable

import pytest

from headrace.contracts.batches import BatchCancelled, BatchCreated, BatchEventName, encode
from headrace.contracts.events import Queued, decode
from headrace.contracts.tasks import Priority
from headrace.errors import LogFull, LogUnavailable
from headrace.lifecycle.batch_append import (
    Accepted,
    BatchResult,
    ForgottenBatch,
    Interrupted,
    OtherBatch,
    append_batch,
)
from headrace.lifecycle.new_batch import NewBatch, NewTask
from headrace.log import subjects
from headrace.log.connection import Log
from headrace.log.memberships import labels_of, title_of
from headrace.log.records import Record
from tests.purge import purge

CHUNKS = [
    [NewTask(b"1", "one"), NewTask(b"2", "", '{"customer":"2"}'), NewTask(b"3")],
    [NewTask(b"4", "four"), NewTask(b"5")],
]


def new_batch(*, is_keyed: bool = True) -> NewBatch:
    """A batch that no other test has."""
    created = BatchCreated(kind="echo", total=5, priority=Priority.LOW, labels={"customer": "1"})
    headers = {subjects.CORRELATION_ID: "c"}
    return NewBatch(str(uuid.uuid4()), is_keyed, uuid.uuid4().hex, created, 3, "hash", headers, input_bytes=5)


async def append(
    log: Log, batch: NewBatch, chunks: list[list[NewTask]] = CHUNKS, reserve: Callable[[int], None] = lambda _: None
) -> BatchResult:
    async def given() -> AsyncIterator[list[NewTask]]:
        for chunk in chunks:
            yield chunk

    return await append_batch(log, batch, given(), reserve, never_there)


async def never_there(_: str) -> bool:
    return False


async def tasks_of(log: Log, batch: NewBatch) -> list[Record]:
    return (await log.replayer.page(subjects.task_events(batch.owner, "*"))).records


async def created_of(log: Log, batch: NewBatch) -> Record:
    created = await log.replayer.last(batch.subject(BatchEventName.CREATED))
    assert created is not None
    return created


async def cancel(log: Log, batch: NewBatch) -> int:
    payload = encode(BatchCancelled(by=batch.owner))
    return (await log.appender.append(batch.subject(BatchEventName.CANCELLED), payload, {})).sequence


@pytest.mark.parametrize("is_keyed", [True, False])
async def test_a_new_batch_is_in_the_log_with_all_its_tasks_in_order(shared_log: Log, is_keyed: bool) -> None:
    batch = new_batch(is_keyed=is_keyed)
    result = await append(shared_log, batch)
    assert isinstance(result, Accepted)
    created, tasks = await created_of(shared_log, batch), await tasks_of(shared_log, batch)
    assert result.is_new
    assert result.last_sequence == tasks[-1].sequence == created.sequence + 5
    assert [record.subject for record in tasks] == [
        f"hr.tasks.queued.echo.low.{batch.owner}.{batch.task_id(index)}" for index in range(5)
    ]
    events = [decode(record.payload) for record in tasks]
    assert all(isinstance(event, Queued) and event.max_attempts == 3 for event in events)
    assert [bytes(event.input) for event in events if isinstance(event, Queued)] == [b"1", b"2", b"3", b"4", b"5"]
    assert {record.headers[subjects.BATCH] for record in tasks} == {batch.id}
    assert created.headers[subjects.BODY_HASH] == "hash"
    end = batch.id[-10:]
    assert [title_of(record.headers) for record in tasks] == ["one", f"{end}-1", f"{end}-2", "four", f"{end}-4"]
    assert [labels_of(record.headers)["customer"] for record in tasks] == ["1", "2", "1", "1", "1"]


@pytest.mark.invariant(5)
async def test_a_batch_that_is_sent_again_is_not_appended_again(shared_log: Log) -> None:
    batch = new_batch()
    first, again = await append(shared_log, batch), await append(shared_log, batch)
    assert isinstance(first, Accepted)
    assert again == Accepted((await created_of(shared_log, batch)).at, first.last_sequence, is_new=False)
    assert len(await tasks_of(shared_log, batch)) == 5


@pytest.mark.invariant(5)
async def test_a_batch_that_was_cut_off_is_completed(shared_log: Log) -> None:
    batch = new_batch()
    await append(shared_log, batch, CHUNKS[:1])
    assert len(await tasks_of(shared_log, batch)) == 3
    result = await append(shared_log, batch)
    assert isinstance(result, Accepted)
    assert not result.is_new
    tasks = await tasks_of(shared_log, batch)
    assert [record.subject.rpartition("-")[2] for record in tasks] == ["0", "1", "2", "3", "4"]
    assert result.last_sequence == tasks[-1].sequence


async def test_a_key_that_was_used_with_another_batch_is_refused(shared_log: Log) -> None:
    batch = new_batch()
    await append(shared_log, batch)
    assert await append(shared_log, batch._replace(body_hash="other")) == OtherBatch()


async def test_a_batch_whose_beginning_has_left_the_log_is_not_begun_again(shared_log: Log) -> None:
    batch = new_batch()
    await append(shared_log, batch)
    await purge(shared_log, batch.subject(BatchEventName.CREATED))
    assert await append(shared_log, batch) == ForgottenBatch()
    assert len(await tasks_of(shared_log, batch)) == 5


async def test_no_task_comes_after_the_cancellation_of_its_batch(shared_log: Log) -> None:
    batch = new_batch()
    await append(shared_log, batch, CHUNKS[:1])
    cancelled = await cancel(shared_log, batch)
    result = await append(shared_log, batch)
    assert result == Accepted((await created_of(shared_log, batch)).at, cancelled, is_new=False)
    assert len(await tasks_of(shared_log, batch)) == 3


async def test_a_batch_that_is_cancelled_while_it_is_appended_ends_there(shared_log: Log) -> None:
    batch = new_batch(is_keyed=False)
    cancelled: list[int] = []

    async def given() -> AsyncIterator[list[NewTask]]:
        yield CHUNKS[0]
        cancelled.append(await cancel(shared_log, batch))
        yield CHUNKS[1]
        raise AssertionError("nothing further is read")

    result = await append_batch(shared_log, batch, given(), lambda _: None, never_there)
    assert isinstance(result, Accepted)
    assert (result.last_sequence, result.is_new) == (cancelled[0], False)
    assert len(await tasks_of(shared_log, batch)) == 3


async def test_room_is_reserved_for_a_new_batch_at_once_and_for_a_known_one_by_the_chunk(shared_log: Log) -> None:
    batch = new_batch()
    reserved: list[int] = []
    await append(shared_log, batch, CHUNKS[:1], reserved.append)
    assert len(reserved) == 1
    await append(shared_log, batch, CHUNKS, reserved.append)
    assert len(reserved) == 2, "only for the chunk that was not there"


async def test_a_full_log_takes_nothing_of_a_batch(shared_log: Log) -> None:
    batch = new_batch()

    def reserve(_: int) -> None:
        raise LogFull("full")

    with pytest.raises(LogFull):
        await append(shared_log, batch, CHUNKS, reserve)
    assert await tasks_of(shared_log, batch) == []


async def test_an_interruption_tells_how_many_tasks_the_log_has(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = new_batch()
    append_all = shared_log.appender.append_all
    calls = 0

    async def once(messages: object) -> object:
        nonlocal calls
        calls += 1
        if calls > 1:
            raise LogUnavailable("away")
        return await append_all(messages)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(shared_log.appender, "append_all", once)
    monkeypatch.setattr("headrace.lifecycle.batch_append.PATIENCE_SECONDS", 0.3)
    assert await append(shared_log, batch) == Interrupted("away", 3)
