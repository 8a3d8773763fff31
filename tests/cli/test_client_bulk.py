from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from headrace.client import Client, TaskFailed, driver
from headrace.contracts.batches import BatchState
from headrace.contracts.bulk import BULK_TASKS_MAX, BulkResult
from headrace.contracts.filters import Filter
from headrace.contracts.tasks import FailureCode, State
from tests.cli.canned import Server, refused

SELECTED = datetime(2026, 3, 1, 9, 30, tzinfo=UTC)


def result(
    matched: int, done: int, remaining: int, position: str = "1-1", at: datetime | None = SELECTED
) -> httpx.Response:
    told = BulkResult(matched=matched, done=done, remaining=remaining, position=position, at=at)
    return httpx.Response(200, content=msgspec.json.encode(told))


async def test_it_asks_again_until_nothing_remains_and_tells_the_totals() -> None:
    server = Server(result(25, 10, 15, "1-7"), result(15, 9, 5, "1-8"), result(5, 5, 0, "1-9"))
    async with server.client() as client:
        totals = [each async for each in client.cancel_all(Filter(kind=["k"]), per_second=500, at_least="1-5")]
    assert [(each.matched, each.done, each.remaining) for each in totals] == [(25, 10, 15), (25, 19, 5), (25, 24, 0)]
    assert totals[-1].position == "1-9"
    assert server.asked() == ["POST /cancellations"] * 3
    assert [request.url.params["at_least"] for request in server.requests] == ["1-5", "1-7", "1-8"]
    (first, *_) = server.bodies()
    assert (first["limit"], first["per_second"]) == (BULK_TASKS_MAX, 500)
    assert {name: value for name, value in first["select"].items() if value} == {"kind": ["k"]}


async def test_tasks_that_come_meanwhile_do_not_make_it_endless() -> None:
    server = Server(result(10, 6, 4), result(10, 6, 4))
    async with server.client() as client:
        totals = [each async for each in client.cancel_all(Filter(kind=["k"]))]
    assert [each.remaining for each in totals] == [4, 0]
    assert len(server.requests) == 2


async def test_the_pace_is_kept_from_one_request_to_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []

    async def pause(seconds: float) -> None:
        paused.append(seconds)

    monkeypatch.setattr(driver.asyncio, "sleep", pause)
    server = Server(result(3, 1, 2), result(2, 1, 1), result(1, 1, 0))
    async with server.client() as client:
        _ = [each async for each in client.cancel_all(Filter(kind=["k"]), per_second=0.1)]
    first, second = paused
    assert 9 < first <= 10
    assert 19 < second <= 20  # after the beginning, for no time passes here
    assert [body["limit"] for body in server.bodies()] == [1, 1, 1]


async def test_a_dry_run_asks_once() -> None:
    server = Server(result(10, 0, 10))
    async with server.client() as client:
        (totals,) = [each async for each in client.run_all(Filter(), dry_run=True, per_second=500)]
    assert (totals.matched, totals.done) == (10, 0)
    (body,) = server.bodies()
    assert (body["dry_run"], body["limit"]) == (True, BULK_TASKS_MAX)


async def test_what_is_run_again_was_over_by_the_clock_of_the_api_when_it_first_selected() -> None:
    later = SELECTED + timedelta(seconds=9)
    server = Server(result(10, 4, 6), result(6, 4, 2, at=later), result(2, 2, 0, at=later))
    async with server.client() as client:
        totals = [each async for each in client.run_all(Filter())]
    assert [before(body) for body in server.bodies()] == [None, SELECTED, SELECTED]
    assert {each.at for each in totals} == {SELECTED}


@pytest.mark.parametrize("minutes", [-60, 60])
async def test_what_is_run_again_was_over_at_the_earlier_of_two_times(minutes: int) -> None:
    asked = SELECTED + timedelta(minutes=minutes)
    server = Server(result(10, 5, 5), result(5, 5, 0))
    async with server.client() as client:
        _ = [each async for each in client.run_all(Filter(finished_before=asked))]
    assert [before(body) for body in server.bodies()] == [asked, min(asked, SELECTED)]


def before(body: dict[str, Any]) -> datetime | None:
    said = body["select"].get("finished_before")
    return None if said is None else datetime.fromisoformat(said)


@pytest.mark.usefixtures("at_once")
async def test_a_request_that_gets_no_answer_is_sent_again() -> None:
    server = Server(result(10, 5, 5), refused, result(5, 5, 0))
    async with server.client() as client:
        totals = [each async for each in client.run_all(Filter())]
    assert totals[-1].done == 10


async def test_failed_tasks_are_run_again_each_once_and_others_left_alone(client: Client) -> None:
    batch = await client.batch("break_down", ({"text": f"no {number}"} for number in range(12)), name="breaks")
    other = await client.submit("break_down", {"text": "not of the batch"})
    settled = [each async for each in client.follow_batch(batch.id)][-1]
    assert settled.counts.failed == 12
    with pytest.raises(TaskFailed) as caught:
        await client.result(other.id)

    async for totals in client.run_all(Filter(batch=batch.id, code=[FailureCode.TIMEOUT]), at_least=settled.position):
        assert totals.matched == 0
    select = Filter(batch=batch.id, code=[FailureCode.RAISED])
    totals = [each async for each in client.run_all(select, per_second=500)]

    assert (totals[0].matched, totals[-1].done, totals[-1].remaining) == (12, 12, 0)
    again = await client.get_batch(batch.id, wait=10, at_least=totals[-1].position)
    assert (again.state, again.counts.failed) == (BatchState.SETTLED, 12)
    assert again.settled_at is not None
    assert settled.settled_at is not None
    assert again.settled_at > settled.settled_at
    assert await client.get(other.id) == caught.value.task


async def test_pending_tasks_of_a_kind_are_cancelled(client: Client) -> None:
    tasks = [await client.submit("shout", {"text": "later"}, delay=timedelta(hours=1)) for _ in range(5)]
    select = Filter(kind=["shout"], state=[State.PENDING])
    totals = [each async for each in client.cancel_all(select, at_least=tasks[-1].position)]
    assert totals[-1].done == 5
    assert {(await client.get(task.id, wait=5)).state for task in tasks} == {State.CANCELLED}
