"""What is particular to the client that blocks: no event loop, threads, and time that is kept without cancelling."""

from __future__ import annotations

import asyncio
import inspect
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import closing
from typing import Any

import httpx
import pytest

from headrace.client import ATTEMPTS_MAX, Client, ProblemError, SyncClient, UnusableRequest, answers, retries
from headrace.client.blocking_driver import BlockingDriver, complete
from headrace.client.files import Files
from headrace.client.sync_client import SyncFiles
from tests.cli.canned import STREAM, Server, frame, problem, refused

WAIT_SECONDS = 10.0


class Chunks(httpx.SyncByteStream):
    """A body that breaks off where it has an error, and knows whether it was closed."""

    def __init__(self, *chunks: bytes | Exception) -> None:
        self.closed = False
        self._chunks = chunks

    def __iter__(self) -> Iterator[bytes]:
        for chunk in self._chunks:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk

    def close(self) -> None:
        self.closed = True


def stream(body: Chunks) -> Callable[[httpx.Request], httpx.Response]:
    return lambda _: httpx.Response(200, headers=STREAM, stream=body)


def blocking(server: Server) -> SyncClient:
    return SyncClient("http://headrace", transport=httpx.MockTransport(server))


def public(of: type) -> dict[str, Any]:
    return {name: value for name, value in inspect.getmembers(of) if not name.startswith("_") and callable(value)}


@pytest.mark.parametrize(("waits", "blocks"), [(Client, SyncClient), (Files, SyncFiles)])
def test_both_have_the_same_methods_with_the_same_parameters(waits: type, blocks: type) -> None:
    # Parts of the client use these two, which know the driver.
    inner = {"ask", "ask_without_answer", "open_content"}
    expected = {name: value for name, value in public(waits).items() if name not in inner}
    assert public(blocks).keys() == expected.keys()
    for name, value in expected.items():
        ours, theirs = (inspect.signature(each).parameters for each in (public(blocks)[name], value))
        assert list(ours) == list(theirs), name
        assert [each.kind for each in ours.values()] == [each.kind for each in theirs.values()], name
        assert public(blocks)[name].__doc__, name


@pytest.mark.usefixtures("at_once")
def test_a_stream_that_is_cut_is_resumed_after_the_last_whole_event() -> None:
    server = Server(
        stream(Chunks(frame(5, "queued"), frame(6, "started")[:-1], httpx.ReadError("cut"))),
        refused,
        httpx.Response(503, json={}),
        stream(Chunks(frame(6, "started"), frame(7, "finished"))),
    )
    with blocking(server) as client:
        assert [event.position for event in client.follow("t")] == ["1-5", "1-6", "1-7"]
    assert server.cursors() == [None, "1-5", "1-5", "1-5"]


@pytest.mark.usefixtures("at_once")
def test_an_api_that_stays_away_is_given_up() -> None:
    server = Server(refused)
    with blocking(server) as client:
        with pytest.raises(httpx.ConnectError):
            client.result("t")
        with pytest.raises(httpx.ConnectError):
            list(client.follow("t"))
        with pytest.raises(httpx.ConnectError):
            client.submit("k", {})
    assert len(server.requests) == 2 * ATTEMPTS_MAX + 1


def test_a_stream_that_is_left_before_its_end_is_closed() -> None:
    body = Chunks(frame(1, "queued"), frame(2, "started"))
    with blocking(Server(stream(body))) as client:
        with closing(client.follow("t")) as events:
            assert next(events).event == "queued"
            assert not body.closed
        assert body.closed


def _spaces() -> Iterator[bytes]:
    while True:
        yield b" " * 100


def test_an_answer_that_comes_byte_by_byte_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with blocking(Server(lambda _: httpx.Response(200, content=_spaces()))) as client:
        with pytest.raises(TimeoutError, match=r"gave up after 0.05 s of waiting until task t is over"):
            client.result("t", timeout=0.05)
        monkeypatch.setattr(answers, "BODY_SECONDS_MAX", 0.01)
        with pytest.raises(httpx.ReadTimeout, match="had no end"):
            client.kinds()


def test_no_pause_between_attempts_takes_longer_than_the_operation_may() -> None:
    server = Server(refused)
    with blocking(server) as client, pytest.raises(TimeoutError):
        client.result("t", timeout=0.05)
    assert len(server.requests) == 1


@pytest.mark.usefixtures("at_once")
def test_each_step_of_a_request_ends_when_the_operation_has_to() -> None:
    steps: list[dict[str, float]] = []

    def late(request: httpx.Request) -> httpx.Response:
        steps.append(request.extensions["timeout"])
        raise httpx.ReadTimeout("late")

    with blocking(Server(late, problem(404, "task_not_found"))) as client, pytest.raises(ProblemError):
        client.result("t", timeout=5)
    assert all(0 < seconds <= 5 for seconds in steps[0].values())


def test_closing_a_client_ends_the_pause_of_another_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "RETRY_SECONDS", 60)
    asked = threading.Event()

    def refuse(request: httpx.Request) -> httpx.Response:
        asked.set()
        return refused(request)

    client, ended = blocking(Server(refuse)), list[BaseException]()

    def wait() -> None:
        try:
            client.result("t")
        except RuntimeError as error:
            ended.append(error)

    waiting = threading.Thread(target=wait)
    waiting.start()
    assert asked.wait(WAIT_SECONDS)
    client.close()
    waiting.join(WAIT_SECONDS)
    assert "closed" in str(ended[0])


async def test_inputs_that_wait_for_an_event_loop_are_refused() -> None:
    async def inputs() -> AsyncIterator[dict[str, Any]]:
        await asyncio.sleep(0)
        yield {}

    given: Any = inputs()
    with blocking(Server(refused)) as client, pytest.raises(UnusableRequest, match="SyncClient has no event loop"):
        client.batch("k", given, key="one")


def test_several_operations_run_in_so_many_threads_and_the_first_failure_starts_no_other() -> None:
    driver = BlockingDriver(httpx.Client())
    together, started = threading.Barrier(2), list[int]()

    async def run(number: int) -> None:
        started.append(number)
        together.wait(WAIT_SECONDS)
        if number == 1:
            raise ValueError("the second one")

    with pytest.raises(ValueError, match="the second one"):
        complete(driver.together(run, range(2), 2))
    assert sorted(started) == [0, 1]

    async def fail(number: int) -> None:
        started.append(number)
        raise ValueError(str(number))

    started.clear()
    with pytest.raises(ValueError, match="0"):
        complete(driver.together(fail, range(100), 1))
    assert started == [0]
    complete(driver.close())
