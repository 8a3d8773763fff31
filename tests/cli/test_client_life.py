"""What a client does besides submitting, against a running Headrace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import msgspec
import pytest

from headrace.client import Client, ProblemError, TaskFailed
from headrace.contracts.batches import Batch, BatchState, Counts
from headrace.contracts.schedules import ScheduleDefinition
from headrace.contracts.tasks import Priority, State
from tests.cli.canned import Server, refused, stream
from tests.waiting import until


def batch_as(state: BatchState, sequence: int, **counts: int) -> bytes:
    told = Batch(
        id="b",
        kind="k",
        priority=Priority.LOW,
        owner="o",
        total=3,
        counts=Counts(**counts),
        state=state,
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        position=f"1-{sequence}",
    )
    event = b"settled" if state == BatchState.SETTLED else b"counted"
    return b"id: 1-%d\nevent: %s\ndata: %s\n\n" % (sequence, event, msgspec.json.encode(told))


async def test_a_key_makes_one_task(client: Client) -> None:
    first = await client.submit("shout", {"text": "once"}, key="client-one")
    second = await client.submit("shout", {"text": "once"}, key="client-one")
    assert first.id == second.id
    with pytest.raises(ProblemError) as caught:
        await client.submit("shout", {"text": "twice"}, key="client-one")
    assert caught.value.error_code == "idempotency_key_reused"


async def test_a_task_may_be_due_later(client: Client) -> None:
    before = datetime.now(UTC)
    delayed = await client.submit("shout", {"text": "soon"}, delay=1.5, expires_in=timedelta(hours=1), max_attempts=2)
    assert (delayed.state, delayed.max_attempts) == (State.PENDING, 2)
    assert delayed.due_at is not None
    assert delayed.due_at >= before + timedelta(seconds=1.5)
    assert delayed.expires_at is not None
    at = before + timedelta(days=1)
    dated = await client.submit("shout", {"text": "tomorrow"}, run_at=at)
    assert dated.due_at == at
    assert (await client.cancel(dated.id)).state == State.CANCELLED
    assert await client.result(delayed.id) == {"text": "SOON"}
    assert datetime.now(UTC) >= delayed.due_at


async def test_a_task_is_cancelled_and_run_again(client: Client, place: Path) -> None:
    task = await client.submit("pass_gate", {"path": str(place / "gate")})
    async for event in client.follow(task.id):
        if event.event == "logged":
            with pytest.raises(TimeoutError):
                await client.ended(task.id, timeout=0.1)
            cancelled = await client.cancel(task.id)
            assert cancelled.state == State.CANCELLED
    assert (await client.cancel(task.id)).state == State.CANCELLED
    with pytest.raises(TaskFailed, match="was cancelled"):
        await client.result(task.id)
    assert (await client.ended(task.id)).state == State.CANCELLED, "however it ended"
    (place / "gate").touch()
    again = await client.run_again(task.id)
    assert (again.id, again.state, again.attempt) == (task.id, State.QUEUED, 1)
    assert (await client.ended(task.id, at_least=again.position)).state == State.SUCCEEDED
    assert await client.result(task.id, at_least=again.position) == "passed"
    with pytest.raises(ProblemError) as caught:
        await client.cancel(task.id)
    assert caught.value.error_code == "task_finished"


async def test_a_batch_is_followed_until_it_has_settled(client: Client) -> None:
    async def inputs():
        for number in range(50):
            yield {"text": f"{number}"}

    batch = await client.batch("shout", inputs(), name="fifty", priority=Priority.HIGH, key="client-fifty")
    assert (batch.total, batch.name, batch.priority) == (50, "fifty", Priority.HIGH)
    counted = [each async for each in client.follow_batch(batch.id)]
    assert (counted[-1].state, counted[-1].counts.succeeded) == (BatchState.SETTLED, 50)
    assert all(each.state == BatchState.OPEN for each in counted[:-1])
    assert (await client.get_batch(batch.id, wait=5)).counts.final == 50
    again = await client.batch(
        "shout",
        ({"text": f"{number}"} for number in range(50)),
        name="fifty",
        key="client-fifty",
        priority=Priority.HIGH,
    )
    assert again.id == batch.id


async def test_a_batch_with_a_wrong_input_is_refused_by_its_number(client: Client) -> None:
    with pytest.raises(ProblemError) as caught:
        await client.batch("shout", [{"text": "good"}, {"text": 1}])
    assert [error.path for error in caught.value.errors] == ["/inputs/1/text"]


async def test_a_batch_is_cancelled(client: Client, place: Path) -> None:
    batch = await client.batch("pass_gate", [{"path": str(place / "gate")}] * 3)
    assert (await client.cancel_batch(batch.id)).cancelled_at is not None
    settled = [each async for each in client.follow_batch(batch.id)][-1]
    assert settled.counts.cancelled == 3
    with pytest.raises(ProblemError) as caught:
        await client.cancel_batch(batch.id)
    assert caught.value.error_code == "batch_settled"


@pytest.mark.usefixtures("at_once")
async def test_following_a_batch_goes_on_where_it_was_cut() -> None:
    opened = BatchState.OPEN
    server = Server(
        stream(batch_as(opened, 3, queued=3), batch_as(opened, 5, queued=2, succeeded=1), httpx.ReadError("cut")),
        refused,
        stream(batch_as(opened, 5, queued=2, succeeded=1), b"event: invented\ndata: {}\n\n", httpx.ReadError("cut")),
        stream(batch_as(BatchState.SETTLED, 9, succeeded=3)),
    )
    async with server.client() as client:
        counted = [each.counts.succeeded async for each in client.follow_batch("b")]
    assert counted == [0, 1, 3]
    assert server.cursors() == [None, "1-5", "1-5", "1-5"]


async def test_a_schedule_is_made_changed_run_and_deleted(client: Client) -> None:
    definition = ScheduleDefinition(kind="shout", input={"text": "daily"}, every=86_400, name="daily")
    made = await client.create_schedule(definition)
    assert made.definition == definition
    assert made.next_at is not None
    assert [each.id for each in await client.schedules(at_least=made.position)].count(made.id) == 1

    paused = await client.update_schedule(made.id, msgspec.structs.replace(definition, paused=True))
    assert (await client.get_schedule(made.id, at_least=paused.position)).definition.paused

    task = await client.run_schedule(made.id)
    assert await client.result(task.id) == {"text": "DAILY"}

    await client.delete_schedule(made.id)
    await until(lambda: _is_gone(client, made.id), "the end of the schedule")


async def _is_gone(client: Client, schedule: str) -> bool:
    try:
        await client.get_schedule(schedule)
    except ProblemError as problem:
        return problem.error_code == "schedule_not_found"
    return False
