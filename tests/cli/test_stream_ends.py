"""When a stream is over, for both clients: the server alone knows, because a task that has finished may run again."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from headrace.client import ATTEMPTS_MAX, Client, SyncClient
from headrace.client.blocking_driver import BlockingDriver
from headrace.client.driver import AsyncDriver
from tests.cli.canned import STREAM, Answer, Server, frame, problem, refused

CUT = httpx.ReadError("cut")
RETRY = b"retry: 300\n\n"

pytestmark = pytest.mark.parametrize("which", ["async", "sync"])


class Body(httpx.AsyncByteStream, httpx.SyncByteStream):
    """A body that breaks off where it has an error, for a client that waits and for one that blocks."""

    def __init__(self, *chunks: bytes | httpx.TransportError) -> None:
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if isinstance(chunk, httpx.TransportError):
                raise chunk
            yield chunk

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for chunk in self:
            yield chunk


def nothing_follows(_: httpx.Request) -> httpx.Response:
    return httpx.Response(204)


def refusal(status: int, code: str) -> Answer:
    return lambda _: problem(status, code)


def stream(*chunks: bytes | httpx.TransportError) -> Answer:
    return lambda _: httpx.Response(200, headers=STREAM, stream=Body(*chunks))


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses that a client makes, none of which takes any time."""
    made: list[float] = []

    async def pause(_: Any, seconds: float) -> None:
        made.append(seconds)

    monkeypatch.setattr(AsyncDriver, "pause", pause)
    monkeypatch.setattr(BlockingDriver, "pause", pause)
    return made


async def follow(which: str, server: Server) -> list[str]:
    transport = httpx.MockTransport(server)
    if which == "async":
        async with Client("http://headrace", transport=transport) as client:
            return [event.event async for event in client.follow("t")]
    with SyncClient("http://headrace", transport=transport) as client:
        return [event.event for event in client.follow("t")]


async def test_a_stream_that_the_server_ends_after_the_finish_is_over(which: str) -> None:
    server = Server(stream(frame(1, "queued"), frame(2, "finished")))
    assert await follow(which, server) == ["queued", "finished"]
    assert server.cursors() == [None]


async def test_whether_a_finish_before_a_cut_was_the_end_is_asked_at_once(which: str, pauses: list[float]) -> None:
    server = Server(stream(frame(1, "finished"), CUT), nothing_follows)
    assert await follow(which, server) == ["finished"]
    assert (server.cursors(), pauses) == ([None, "1-1"], [])


async def test_a_run_that_began_while_the_connection_was_cut_is_followed(which: str) -> None:
    server = Server(
        stream(frame(1, "finished"), CUT),
        stream(frame(2, "queued"), CUT),
        stream(frame(3, "finished"), CUT),
        nothing_follows,
    )
    assert await follow(which, server) == ["finished", "queued", "finished"]
    assert server.cursors() == [None, "1-1", "1-2", "1-3"]


async def test_a_server_that_stops_after_a_finish_is_asked_again_when_it_says(which: str, pauses: list[float]) -> None:
    server = Server(stream(frame(1, "finished"), RETRY), stream(frame(2, "queued"), frame(3, "finished")))
    assert await follow(which, server) == ["finished", "queued", "finished"]
    (pause,) = pauses
    assert 0.3 <= pause <= 0.45


async def test_an_answer_without_events_is_the_end_when_the_finish_was_given(which: str) -> None:
    server = Server(stream(frame(1, "finished"), CUT), stream(b"id: 1-1\n\n"))
    assert await follow(which, server) == ["finished"]
    assert len(server.requests) == 2


async def test_a_stream_that_the_server_ends_before_a_finish_goes_on(which: str) -> None:
    server = Server(stream(frame(1, "queued")), stream(frame(2, "finished")))
    assert await follow(which, server) == ["queued", "finished"]
    assert server.cursors() == [None, "1-1"]


@pytest.mark.parametrize(
    ("answer", "times"),
    [(refused, ATTEMPTS_MAX), (refusal(404, "task_not_found"), 1), (refusal(503, "x"), ATTEMPTS_MAX)],
)
async def test_a_stream_whose_finish_was_given_ends_without_an_error_where_nobody_knows(
    which: str, answer: Answer, times: int
) -> None:
    server = Server(stream(frame(1, "finished"), CUT), answer)
    assert await follow(which, server) == ["finished"]
    # The cut was the first failure in a row.
    assert len(server.requests) == max(times, 2)


async def test_a_finish_that_is_repeated_over_each_connection_is_not_asked_about_without_a_pause(
    which: str, pauses: list[float]
) -> None:
    server = Server(*[stream(frame(1, "finished"), CUT)] * 3, nothing_follows)
    assert await follow(which, server) == ["finished"] * 3
    assert len(pauses) == 2
