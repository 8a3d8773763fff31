from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import msgspec
import pytest

from headrace.cli.terminal.api_errors import api_errors_explained
from headrace.cli.terminal.exits import CommandFailed
from headrace.client import ATTEMPTS_MAX, Client, ProblemError, driver
from headrace.client.ndjson import PART_BYTES
from headrace.contracts.batches import Batch, BatchState, Counts
from headrace.contracts.tasks import Priority, State, TaskSummary
from tests.cli.canned import Server, frame, problem, refused, stream

AT = datetime(2026, 1, 1, tzinfo=UTC)
TASK = TaskSummary(
    id="t", kind="k", priority=Priority.NORMAL, owner="o", state=State.QUEUED, attempt=1, created_at=AT, position="1-1"
)
BATCH = Batch(
    id="b",
    kind="k",
    priority=Priority.LOW,
    owner="o",
    total=3,
    counts=Counts(queued=3),
    state=BatchState.OPEN,
    created_at=AT,
    position="1-3",
)


def accepted(of: msgspec.Struct) -> httpx.Response:
    return httpx.Response(202, content=msgspec.json.encode(of))


def key_of(request: httpx.Request) -> str | None:
    return request.headers.get("Idempotency-Key")


class Cutting(httpx.AsyncBaseTransport):
    """Takes so many parts of each body before it cuts the connection; the last body whole, which it accepts."""

    def __init__(self, *parts: int) -> None:
        self.bodies: list[bytes] = []
        self._parts = list(parts)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        assert isinstance(request.stream, httpx.AsyncByteStream)
        left = self._parts.pop(0) if self._parts else None
        self.bodies.append(b"")
        async for part in request.stream:
            if left is not None and left <= 0:
                raise httpx.WriteError("cut", request=request)
            left = None if left is None else left - 1
            self.bodies[-1] += part
        if left is not None:
            raise httpx.ReadError("cut", request=request)
        return accepted(BATCH)


async def test_a_submission_says_only_what_it_was_given() -> None:
    server = Server(accepted(TASK))
    async with server.client() as client:
        await client.submit("k", {"a": 1})
        await client.submit(
            "k", {}, run_at=AT, delay=timedelta(minutes=1), expires_in=1.5, max_attempts=3, priority=Priority.HIGH
        )
    assert server.bodies() == [
        {"kind": "k", "input": {"a": 1}},
        {
            "kind": "k",
            "input": {},
            "priority": "high",
            "run_at": "2026-01-01T00:00:00Z",
            "delay": 60.0,
            "expires_in": 1.5,
            "max_attempts": 3,
        },
    ]


@pytest.mark.usefixtures("at_once")
async def test_with_a_key_it_is_sent_again_as_it_was_until_it_is_answered(caplog: pytest.LogCaptureFixture) -> None:
    server = Server(refused, problem(503, "log_unavailable", 0), accepted(TASK))
    async with server.client() as client:
        task = await client.submit("k", {"a": 1}, delay=5, key="one")
    assert task == TASK
    assert server.bodies() == [{"kind": "k", "input": {"a": 1}, "delay": 5}] * 3
    assert list(map(key_of, server.requests)) == ["one"] * 3
    assert [record.getMessage() for record in caplog.records if record.name == "headrace.client"] == [
        "http://headrace: refused; trying again",
        "http://headrace: log_unavailable; trying again",
    ]


@pytest.mark.parametrize("answer", [refused, problem(503, "log_unavailable", 0)])
async def test_without_a_key_it_is_sent_once(answer: Any) -> None:
    server = Server(answer)
    async with server.client() as client:
        with pytest.raises((httpx.ConnectError, ProblemError)):
            await client.submit("k", {})
        with pytest.raises((httpx.ConnectError, ProblemError)):
            await client.batch("k", [{}])
        with pytest.raises((httpx.ConnectError, ProblemError)):
            await client.run_again("t")
    assert len(server.requests) == 3


@pytest.mark.parametrize(
    "answer",
    [
        problem(422, "idempotency_key_reused"),
        problem(500, "internal"),
        problem(503, "of_a_proxy"),
        problem(503, "log_full", 30),  # who has half a minute to wait decides that himself
    ],
)
async def test_an_answer_that_another_attempt_would_not_change_is_raised_at_once(answer: httpx.Response) -> None:
    server = Server(answer)
    async with server.client() as client:
        with pytest.raises(ProblemError) as caught:
            await client.submit("k", {}, key="one")
    assert len(server.requests) == 1
    assert caught.value.retry_after in (None, 30)


@pytest.mark.usefixtures("at_once")
async def test_a_password_of_the_address_is_sent_and_not_shown(caplog: pytest.LogCaptureFixture) -> None:
    server = Server(refused, accepted(TASK), httpx.Response(200, text="<html>"))
    async with Client("http://me:s3cret:@headrace", transport=httpx.MockTransport(server)) as client:
        await client.submit("k", {}, key="a")
        with pytest.raises(ProblemError, match="//headrace/") as caught:
            await client.kinds()
    assert server.requests[1].headers["Authorization"].startswith("Basic ")
    with pytest.raises(CommandFailed) as failed, api_errors_explained("http://me:s3cret:@headrace"):
        raise httpx.ReadError("cut")
    shown = (client.url, caplog.text, str(caught.value), failed.value.message)
    assert [each for each in shown if "s3cret" in each] == []


@pytest.mark.usefixtures("at_once")
async def test_attempts_with_a_key_come_to_an_end() -> None:
    server = Server(refused)
    async with server.client() as client:
        with pytest.raises(httpx.ConnectError):
            await client.submit("k", {}, key="one")
    assert len(server.requests) == ATTEMPTS_MAX


async def test_the_pause_is_what_the_server_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    paused: list[float] = []

    async def pause(seconds: float) -> None:
        paused.append(seconds)

    monkeypatch.setattr(driver.asyncio, "sleep", pause)
    server = Server(problem(503, "log_unavailable", 2), problem(503, "log_unavailable", 2), accepted(TASK))
    async with server.client() as client:
        await client.cancel("t")
    assert server.asked() == ["PUT /tasks/t/cancellation"] * 3
    assert 2 <= paused[0] <= 3
    assert 4 <= paused[1] <= 6


@pytest.mark.parametrize("after", [1, 61])
async def test_a_limit_is_waited_for_whatever_is_asked_since_nothing_was_done(
    monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    paused: list[float] = []

    async def pause(seconds: float) -> None:
        paused.append(seconds)

    monkeypatch.setattr(driver.asyncio, "sleep", pause)
    refusals = [problem(429, "too_many_requests", after)] * 2
    server = Server(*refusals, accepted(TASK), *refusals, stream(frame(1, "finished")))
    async with server.client() as client:
        await client.submit("k", {})
        assert server.bodies() == [{"kind": "k", "input": {}}] * 3
        assert [event.event async for event in client.follow("t")] == ["finished"]
    assert len(paused) == 4
    assert all(after <= each <= 1.1 * after for each in paused)


@pytest.mark.parametrize("answer", [problem(429, "too_many_requests", 3600), httpx.Response(429, text="slow down")])
async def test_a_limit_of_an_hour_and_one_of_somebody_else_are_raised_at_once(answer: httpx.Response) -> None:
    server = Server(answer)
    async with server.client() as client:
        for call in (client.submit("k", {}, key="one"), anext(client.follow("t")), client.batch("k", [{}])):
            with pytest.raises(ProblemError) as caught:
                await call
            assert caught.value.status == 429
    assert len(server.requests) == 3


@pytest.mark.usefixtures("at_once")
async def test_a_batch_whose_inputs_are_gone_is_not_sent_again_when_a_limit_refuses_it() -> None:
    server = Server(problem(429, "too_many_requests", 1))
    async with server.client() as client:
        with pytest.raises(ProblemError, match="too_many_requests"):
            await client.batch("k", iter([{}]))
    assert len(server.requests) == 1


@pytest.mark.usefixtures("at_once")
@pytest.mark.parametrize("parts", [(0,), (1, 0, 2), (1, 2, 3, 1)])
async def test_a_batch_with_a_key_is_sent_again_from_its_first_input(parts: tuple[int, ...]) -> None:
    asked_for = 0

    async def inputs() -> AsyncIterator[dict[str, Any]]:
        nonlocal asked_for
        for number in range(6):
            asked_for += 1
            yield {"number": number, "pad": "x" * (PART_BYTES // 2)}

    transport = Cutting(*parts)
    async with Client("http://headrace", transport=transport) as client:
        assert await client.batch("k", inputs(), key="one") == BATCH
    assert [msgspec.json.decode(line)["number"] for line in transport.bodies[-1].splitlines()] == list(range(6))
    assert len(transport.bodies) == len(parts) + 1
    assert all(transport.bodies[-1].startswith(body) for body in transport.bodies)
    assert asked_for == 6


async def test_inputs_of_a_batch_are_asked_for_as_they_are_sent() -> None:
    ahead = 0

    def inputs() -> Any:
        nonlocal ahead
        for _ in range(20_000):
            ahead += 1
            yield {"text": "x" * 90}

    async def take(request: httpx.Request) -> httpx.Response:
        nonlocal ahead
        assert request.url.params.multi_items() == [("kind", "k"), ("name", "n & m"), ("max_attempts", "2")]
        assert request.headers["Content-Type"] == "application/x-ndjson"
        assert isinstance(request.stream, httpx.AsyncByteStream)
        async for part in request.stream:
            assert ahead * 100 <= len(part) + 2 * PART_BYTES
            ahead -= part.count(b"\n")
        return accepted(BATCH)

    class Taking(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            return await take(request)

    async with Client("http://headrace", transport=Taking()) as client:
        await client.batch("k", inputs(), name="n & m", max_attempts=2)
    assert ahead == 0


async def test_an_input_that_was_written_by_others_is_on_one_line() -> None:
    transport = Cutting()
    async with Client("http://headrace", transport=transport) as client:
        await client.batch("k", [msgspec.Raw(b'{\n  "a": "b\\n"\n}'), {"c": "\n"}])
    first, second = map(msgspec.json.decode, transport.bodies[0].splitlines())
    assert (first, second) == ({"a": "b\n"}, {"c": "\n"})
