from __future__ import annotations

import uuid
from datetime import UTC, datetime

from headrace.contracts.batches import BatchCreated, BatchEventName, BatchState, Counts, encode
from headrace.contracts.positions import Position
from headrace.contracts.tasks import Priority
from headrace.lifecycle.batch_state import (
    Cancelled,
    SettledSince,
    cancel_batch,
    describe_new_batch,
    read_batch_state,
    settle_batch,
)
from headrace.log import subjects
from headrace.log.connection import Log

CREATED = BatchCreated(kind="echo", total=2, priority=Priority.LOW, name="n")
DONE = Counts(succeeded=1, failed=1)


async def create(log: Log) -> tuple[str, str, Position]:
    """A batch that no other test has: its owner, its id, and where it was created."""
    owner, batch = uuid.uuid4().hex, str(uuid.uuid4())
    subject = subjects.batch_event(BatchEventName.CREATED, owner, batch)
    created = await log.appender.append(subject, encode(CREATED), {})
    return owner, batch, Position(log.epoch, created.sequence)


async def settle(log: Log, owner: str, batch: str, at: Position, last_settled: int = 0) -> None:
    await settle_batch(log, owner, batch, DONE, counted_at=at, last_settled=last_settled)


async def settled_at(log: Log, owner: str, batch: str) -> int:
    return await log.replayer.leading.last(subjects.batch_event(BatchEventName.SETTLED, owner, batch))


def test_a_new_batch_is_open_and_nothing_is_counted_yet() -> None:
    now = datetime.now(UTC)
    batch = describe_new_batch("b", "o", CREATED, now, Position(1, 2))
    assert (batch.state, batch.total, batch.counts, batch.name) == (BatchState.OPEN, 2, Counts(), "n")
    assert (batch.created_at, batch.position) == (now, "1-2")


async def test_a_batch_that_the_log_does_not_have_has_no_state(shared_log: Log) -> None:
    assert await read_batch_state(shared_log, "nobody", "nothing") is None


async def test_a_batch_is_open_then_cancelled_then_settled_with_its_counts(shared_log: Log) -> None:
    owner, batch, at = await create(shared_log)
    found = await read_batch_state(shared_log, owner, batch)
    assert found is not None
    assert (found.state, found.cancelled_at, found.position) == (BatchState.OPEN, None, str(at))

    assert isinstance(await cancel_batch(shared_log, owner, batch, seen=at, headers={}), Cancelled)
    found = await read_batch_state(shared_log, owner, batch)
    assert found is not None
    assert found.state is BatchState.OPEN
    assert found.cancelled_at is not None

    await settle(shared_log, owner, batch, at)
    found = await read_batch_state(shared_log, owner, batch)
    assert found is not None
    assert (found.state, found.counts) == (BatchState.SETTLED, DONE)
    assert found.position == f"{shared_log.epoch}-{await settled_at(shared_log, owner, batch)}"


async def test_a_batch_that_has_settled_unseen_is_not_cancelled(shared_log: Log) -> None:
    owner, batch, at = await create(shared_log)
    await settle(shared_log, owner, batch, at)
    settled = Position(shared_log.epoch, await settled_at(shared_log, owner, batch))
    assert await cancel_batch(shared_log, owner, batch, seen=at, headers={}) == SettledSince(settled)


async def test_a_batch_that_was_opened_again_can_be_cancelled(shared_log: Log) -> None:
    owner, batch, at = await create(shared_log)
    await settle(shared_log, owner, batch, at)
    settled = Position(shared_log.epoch, await settled_at(shared_log, owner, batch))
    assert isinstance(await cancel_batch(shared_log, owner, batch, seen=settled, headers={}), Cancelled)
    found = await read_batch_state(shared_log, owner, batch)
    assert found is not None
    assert found.state is BatchState.OPEN


async def test_a_batch_settles_once_whoever_says_so(shared_log: Log) -> None:
    owner, batch, at = await create(shared_log)
    await settle(shared_log, owner, batch, at)
    first = await settled_at(shared_log, owner, batch)
    await settle(shared_log, owner, batch, at._replace(sequence=at.sequence + 1))
    assert await settled_at(shared_log, owner, batch) == first

    await settle(shared_log, owner, batch, at._replace(sequence=first + 1), last_settled=first)
    assert await settled_at(shared_log, owner, batch) > first, "it was open again in between"


async def test_a_previous_settled_event_that_has_left_the_log_counts_as_none(shared_log: Log) -> None:
    owner, batch, at = await create(shared_log)
    await settle(shared_log, owner, batch, at, last_settled=1)
    assert await settled_at(shared_log, owner, batch) > 0
