from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from itertools import pairwise
from pathlib import Path

import httpx
import msgspec
import pytest

from headrace.client import (
    ATTEMPTS_MAX,
    NOT_HEADRACE,
    RESET,
    Client,
    ProblemError,
    StreamEvent,
    TaskFailed,
    answers,
    retries,
    streams,
)
from headrace.contracts.tasks import Priority, State
from tests.cli.canned import Server, frame, refused, stream
from tests.cli.conftest import Up
from tests.cli.kinds import Text


async def all_of(events: AsyncGenerator[StreamEvent]) -> list[tuple[str, str]]:
    return [(event.position, event.event) async for event in events]


async def test_a_task_is_submitted_read_and_waited_for(client: Client) -> None:
    task = await client.submit("shout", Text(text="hello"), priority=Priority.HIGH)
    assert (task.kind, task.priority, task.state) == ("shout", Priority.HIGH, State.QUEUED)
    assert await client.result(task.id) == {"text": "HELLO"}
    found = await client.get(task.id)
    assert (found.state, found.priority) == (State.SUCCEEDED, Priority.HIGH)
    assert msgspec.json.decode(found.input) == {"text": "hello"}


async def test_following_gives_every_event_to_the_end(client: Client) -> None:
    task = await client.submit("narrate", {"text": "one two"})
    events = [event async for event in client.follow(task.id)]
    assert [event.event for event in events if event.event not in ("progressed", "emitted", "stored")] == [
        "queued",
        "started",
        "logged",
        "finished",
    ]
    assert events[-1].data["result"] == ["one", "two"]
    assert {event.data["task"] for event in events} == {task.id}


async def test_following_continues_after_a_position_and_after_the_end_gives_nothing(client: Client) -> None:
    task = await client.submit("narrate", {"text": "one"})
    events = await all_of(client.follow(task.id))
    assert await all_of(client.follow(task.id, after=events[2][0])) == events[3:]
    assert await all_of(client.follow(task.id, after=events[-1][0])) == []


async def test_a_task_that_fails_has_no_result(client: Client) -> None:
    task = await client.submit("break_down", {"text": "too much"})
    with pytest.raises(TaskFailed, match="too much") as caught:
        await client.result(task.id)
    assert caught.value.task.id == task.id
    assert caught.value.task.error is not None
    assert caught.value.task.error.code == "raised"
    told = await client.attempts(task.id)
    assert (told.runs, told.complete, told.items[-1].end) == (1, True, "failed")
    assert [each.number for each in told.items] == list(range(1, len(told.items) + 1))
    assert (await client.waiting(task.id)).waiting is None


async def test_waiting_for_a_result_ends_in_time(client: Client, place: Path) -> None:
    task = await client.submit("pass_gate", {"path": str(place / "gate")})
    with pytest.raises(TimeoutError):
        await client.result(task.id, timeout=0.1)
    (place / "gate").touch()
    assert await client.result(task.id) == "passed"


async def test_a_refusal_names_each_path(client: Client) -> None:
    with pytest.raises(ProblemError) as caught:
        await client.submit("shout", {"text": 1})
    assert (caught.value.status, caught.value.error_code) == (422, "invalid_input")
    assert [error.path for error in caught.value.errors] == ["/input/text"]
    assert "does not match" in caught.value.message
    assert caught.value.correlation_id


async def test_an_unknown_task_is_not_followed_for_ever(client: Client) -> None:
    with pytest.raises(ProblemError) as caught:
        await all_of(client.follow("01a1f9bd-0000-7000-8000-000000000000"))
    assert caught.value.error_code == "task_not_found"


@pytest.mark.invariant(6)
async def test_who_follows_sees_every_event_once_although_the_api_is_killed(
    up: Up, client: Client, place: Path
) -> None:
    task = await client.submit("pass_gate", {"path": str(place / "gate")})
    seen: list[tuple[str, str]] = []
    async for event in client.follow(task.id):
        seen.append((event.position, event.event))
        if event.event == "logged" and not (place / "gate").exists():
            info = up.home.running()
            assert info is not None
            os.kill(info.children["api"].pid, signal.SIGKILL)
            (place / "gate").touch()
    assert seen == await all_of(client.follow(task.id))
    # What was logged is kept as a file.
    assert [event for _, event in seen] == ["queued", "started", "logged", "logged", "stored", "finished"]


@pytest.mark.invariant(6)
@pytest.mark.usefixtures("at_once")
async def test_a_stream_that_is_cut_is_resumed_after_the_last_whole_event() -> None:
    server = Server(
        stream(b"id: 1-4\n\n", httpx.ReadError("cut")),
        refused,
        stream(frame(5, "queued"), frame(6, "started")[:-1], httpx.ReadError("cut")),
        httpx.Response(503, json={}),
        stream(frame(6, "started")),  # the server ends it, as when it is stopped
        stream(frame(7, "finished")),
    )
    async with server.client() as client:
        events = await all_of(client.follow("t"))
    assert events == [("1-5", "queued"), ("1-6", "started"), ("1-7", "finished")]
    assert server.cursors() == [None, "1-4", "1-4", "1-5", "1-5", "1-6"]


@pytest.mark.usefixtures("at_once")
async def test_a_stream_is_over_after_204() -> None:
    server = Server(stream(frame(5, "queued")), httpx.Response(204))
    async with server.client() as client:
        assert await all_of(client.follow("t", after="1-4")) == [("1-5", "queued")]
    assert server.cursors() == ["1-4", "1-5"]


async def test_the_first_of_two_finishes_is_not_the_end() -> None:
    server = Server(stream(frame(1, "finished"), frame(2, "queued"), frame(3, "finished")))
    async with server.client() as client:
        assert len(await all_of(client.follow("t"))) == 3
    assert len(server.requests) == 1


@pytest.mark.usefixtures("at_once")
async def test_a_reset_is_handed_on_and_the_stream_goes_on_from_there() -> None:
    server = Server(
        stream(frame(9, RESET, reason="gone", position="1-9"), httpx.ReadError("cut")), stream(frame(10, "finished"))
    )
    async with server.client() as client:
        events = [event async for event in client.follow("t", after="1-2")]
    assert [event.event for event in events] == [RESET, "finished"]
    assert events[0].data["reason"] == "gone"
    assert server.cursors() == ["1-2", "1-9"]


async def test_the_server_says_how_long_to_wait_and_each_failure_doubles_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "RETRY_SECONDS_MAX", 0.08)
    server = Server(stream(b"retry: 20\n\n"), *[refused] * 5, stream(frame(1, "finished")))
    async with server.client() as client:
        await all_of(client.follow("t"))
    pauses = [later - earlier for earlier, later in pairwise(server.times)]
    for pause, least in zip(pauses, (0.02, 0.02, 0.04, 0.08, 0.08, 0.08), strict=True):
        assert pause >= least


@pytest.mark.usefixtures("at_once")
async def test_an_api_that_stays_away_is_given_up() -> None:
    server = Server(refused)
    async with server.client() as client:
        with pytest.raises(httpx.ConnectError):
            await all_of(client.follow("t"))
        with pytest.raises(httpx.ConnectError):
            await client.result("t")
    assert len(server.requests) == 2 * ATTEMPTS_MAX


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(200, text="<html>", headers={"Content-Type": "text/html"}),
        httpx.Response(404, text="not here"),
        httpx.Response(200, json={"items": 5}),
        httpx.Response(200, content=b'{"items": [{"name": "caf\xe9"}]}'),
        httpx.Response(200, content=b'{"items": [{"input_schema": ' + b'{"a":' * 2000),
    ],
)
async def test_an_answer_of_somebody_else_is_told_as_such(answer: httpx.Response) -> None:
    async with Server(answer).client() as client:
        with pytest.raises(ProblemError, match="not as Headrace does") as caught:
            await client.kinds()
        assert caught.value.error_code == NOT_HEADRACE
        with pytest.raises(ProblemError, match="not as Headrace does"):
            await all_of(client.follow("t"))


async def _spaces() -> AsyncIterator[bytes]:
    while True:
        await asyncio.sleep(0)
        yield b" " * 1000


async def _no_gzip() -> AsyncIterator[bytes]:
    yield b"not compressed"


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (_spaces, {"Content-Type": "application/json"}),
        (_spaces, {"Content-Type": "text/event-stream"}),
        (_no_gzip, {"Content-Type": "application/json", "Content-Encoding": "gzip"}),
        (_no_gzip, {"Content-Type": "text/event-stream", "Content-Encoding": "gzip"}),
    ],
)
async def test_an_answer_that_has_no_end_or_cannot_be_decompressed_is_not_read_for_ever(
    monkeypatch: pytest.MonkeyPatch,
    content: Callable[[], AsyncIterator[bytes]],
    headers: dict[str, str],
) -> None:
    monkeypatch.setattr(answers, "BODY_BYTES_MAX", 50_000)
    monkeypatch.setattr(streams, "EVENT_CHARS_MAX", 50_000)
    async with Server(lambda _: httpx.Response(200, headers=headers, content=content())).client() as client:
        with pytest.raises(ProblemError, match="not as Headrace does"):
            await (all_of(client.follow("t")) if "stream" in headers["Content-Type"] else client.kinds())


async def test_an_answer_that_comes_byte_by_byte_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answers, "BODY_SECONDS_MAX", 0.01)
    async with Server(lambda _: httpx.Response(200, content=_spaces())).client() as client:
        with pytest.raises(httpx.ReadTimeout, match="had no end"):
            await client.kinds()


async def test_an_event_that_cannot_be_read_is_told_as_such() -> None:
    async with Server(stream(b"event: finished\ndata: {\n\n")).client() as client:
        with pytest.raises(ProblemError, match="not as Headrace does"):
            await all_of(client.follow("t"))
    async with Server(stream(b"event: counted\ndata: {\n\n")).client() as client:
        with pytest.raises(ProblemError, match="not as Headrace does"):
            await all_of(client.follow_batch("b"))
