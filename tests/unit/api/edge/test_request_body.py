from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from litestar.types import Receive, Scope, Send

from headrace.api.edge import request_body
from headrace.api.edge.request_body import BYTES_PER_SECOND_MIN, OpenBodies
from headrace.api.edge.upload_room import UploadRoom
from headrace.errors import BodyTimeout, HeadraceError, MalformedRequest, Stopping, TooManyUploads
from tests.unit.api.edge.asgi import answer, answering

NDJSON = frozenset({b"application/x-ndjson"})


async def read_whole(_scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads its whole body."""
    more = True
    while more:
        message: Any = await receive()
        more = message["more_body"]
    await answering(202)(_scope, receive, send)


class Upload:
    """A request whose body arrives when the test says so."""

    def __init__(self, bodies: OpenBodies, media_type: bytes = b"application/json") -> None:
        self._parts: asyncio.Queue[tuple[bytes, bool] | None] = asyncio.Queue()
        self._taken = asyncio.Event()
        self.sent: list[Any] = []
        headers = [(b"content-type", media_type)]
        scope: Any = {"type": "http", "method": "POST", "path": "/", "headers": headers, "state": {}}
        app = bodies.receive_within_limits(read_whole, NDJSON)
        self.served = asyncio.ensure_future(app(scope, self._receive, self._send))

    async def arrives(self, part: bytes, *, more: bool = True) -> None:
        """Return when the application waits for what comes after this part."""
        self._taken.clear()
        self._parts.put_nowait((part, more))
        if more:
            await self.waits()

    async def waits(self) -> None:
        """Return when the application waits for its client."""
        await self._taken.wait()

    def leaves(self) -> None:
        self._parts.put_nowait(None)

    async def refused(self) -> HeadraceError:
        async with asyncio.timeout(5):
            with pytest.raises(HeadraceError) as refused:
                await self.served
        return refused.value

    async def _receive(self) -> Any:
        if self._parts.empty():
            self._taken.set()
        part = await self._parts.get()
        if part is None:
            return {"type": "http.disconnect"}
        return {"type": "http.request", "body": part[0], "more_body": part[1]}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)


@asynccontextmanager
async def watched(bodies: OpenBodies) -> AsyncGenerator[None]:
    watching = asyncio.create_task(bodies.watch())
    yield
    watching.cancel()


@pytest.fixture
async def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "CHECK_SECONDS", 0.01)


@pytest.mark.usefixtures("quick")
async def test_a_client_that_sends_no_byte_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "SILENT_SECONDS", 0.05)
    bodies = OpenBodies()
    async with watched(bodies):
        refusal = await Upload(bodies).refused()
    assert isinstance(refusal, BodyTimeout)
    assert (refusal.status, "no byte" in refusal.message) == (408, True)


@pytest.mark.usefixtures("quick")
async def test_a_client_that_sends_byte_after_byte_is_not_waited_for_without_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(request_body, "START_SECONDS", 0.1)
    bodies = OpenBodies()
    async with watched(bodies):
        upload = Upload(bodies)

        async def send_bytes() -> None:
            while True:
                await upload.arrives(b"x")
                await asyncio.sleep(0.01)

        sending = asyncio.create_task(send_bytes())
        refusal = await upload.refused()
        sending.cancel()
    assert isinstance(refusal, BodyTimeout)
    assert "slower than 4 KB" in refusal.message


async def test_a_large_body_has_the_time_that_it_needs_at_the_slowest_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "START_SECONDS", 0.0)
    monkeypatch.setattr(request_body, "SILENT_SECONDS", 1000.0)
    bodies = OpenBodies()
    upload = Upload(bodies)
    await upload.arrives(b"x" * 100 * BYTES_PER_SECOND_MIN)
    now = asyncio.get_running_loop().time()
    (body,) = bodies.waiting
    body.check(now + 90, stopping=False)
    await upload.arrives(b"x", more=False)
    await upload.served
    assert upload.sent[0]["status"] == 202


@pytest.mark.usefixtures("quick")
async def test_a_process_that_stops_does_not_wait_for_a_silent_client(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "STOPPING_SECONDS", 0.05)
    bodies = OpenBodies()
    async with watched(bodies):
        upload = Upload(bodies)
        await upload.arrives(b"x")
        bodies.drain()
        refusal = await upload.refused()
    assert isinstance(refusal, Stopping)
    assert refusal.retry_after


async def test_a_client_that_leaves_in_its_body_is_answered_400() -> None:
    upload = Upload(OpenBodies())
    await upload.arrives(b"x")
    upload.leaves()
    refusal = await upload.refused()
    assert isinstance(refusal, MalformedRequest)
    assert "ended early" in refusal.message


async def test_bodies_that_are_kept_in_memory_have_a_limit_together_and_give_it_back() -> None:
    bodies = OpenBodies()
    bodies.memory = UploadRoom(10)
    one, other, streamed = Upload(bodies), Upload(bodies), Upload(bodies, b"application/x-ndjson; charset=utf-8")
    await one.arrives(b"x" * 6)
    await other.arrives(b"x" * 4)
    await streamed.arrives(b"x" * 100)
    await other.arrives(b"x" * 6, more=False)
    await other.served
    await one.arrives(b"x" * 4)
    one.leaves()
    assert isinstance(await one.refused(), MalformedRequest)
    third = Upload(bodies)
    third._parts.put_nowait((b"x" * 11, True))  # pyright: ignore[reportPrivateUsage]
    assert isinstance(await third.refused(), TooManyUploads)
    streamed.leaves()
    await streamed.refused()
    bodies.memory.take(10)


async def test_whoever_cancels_the_request_itself_is_not_swallowed() -> None:
    upload = Upload(OpenBodies())
    await upload.waits()
    upload.served.cancel()
    await asyncio.wait({upload.served})
    assert upload.served.cancelled()


async def test_a_refused_body_is_read_to_its_end_before_the_answer() -> None:
    order: list[str] = []

    async def refuse(_scope: Scope, _receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": 413, "headers": []})

    parts = [b"a", b"b", b"c"]

    async def receive() -> Any:
        order.append("read")
        part = parts.pop(0)
        return {"type": "http.request", "body": part, "more_body": bool(parts)}

    async def send(message: Any) -> None:
        order.append(message["type"])

    scope: Any = {"type": "http", "method": "POST", "path": "/", "headers": [], "state": {}}
    await OpenBodies().receive_within_limits(refuse, NDJSON)(scope, receive, send)
    assert order == ["read", "read", "read", "http.response.start"]


async def test_a_client_that_waits_to_be_asked_for_a_refused_body_is_answered_at_once() -> None:
    parts = [b"never sent"]
    app = OpenBodies().receive_within_limits(answering(415), NDJSON)
    sent = await answer(app, "POST", headers=[("Expect", "100-continue")], body=parts)
    assert sent[0]["status"] == 415


class Whole:
    """A server whose last part with something in it does not say that it is the last one, as granian's."""

    def __init__(self, *parts: bytes) -> None:
        self.messages: list[Any] = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
        self.messages += [{"type": "http.request", "body": b"", "more_body": False}, {"type": "http.disconnect"}]
        self.length = sum(map(len, parts))

    async def receive(self) -> Any:
        return self.messages.pop(0)

    async def give_to(self, app: Any, length: int | None = None) -> OpenBodies:
        async def send(_message: Any) -> None:
            pass

        headers = [(b"content-length", str(self.length if length is None else length).encode())]
        scope: Any = {"type": "http", "method": "POST", "path": "/", "headers": headers, "state": {}}
        bodies = OpenBodies()
        await bodies.receive_within_limits(app, NDJSON)(scope, self.receive, send)
        return bodies


async def read_and_listen(_scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads its whole body and then waits until the client leaves."""
    await read_whole(_scope, receive, send)
    message: Any = await receive()
    assert message["type"] == "http.disconnect"


@pytest.mark.parametrize("parts", [[b"all"], [b"in", b"parts"]], ids=["one part", "two parts"])
async def test_a_body_of_the_announced_length_is_complete_without_another_question_to_the_server(
    parts: list[bytes],
) -> None:
    server = Whole(*parts)
    await server.give_to(read_whole)
    assert [message["type"] for message in server.messages] == ["http.request", "http.disconnect"]


async def test_who_waits_for_the_client_to_leave_does_not_hear_the_empty_end_of_a_body() -> None:
    server = Whole(b"all")
    await server.give_to(read_and_listen)
    assert server.messages == []


@pytest.mark.parametrize("length", [2, 4])
async def test_a_body_of_another_length_than_announced_is_read_until_the_server_says_that_it_ends(length: int) -> None:
    server = Whole(b"all")
    await server.give_to(read_whole, length)
    assert [message["type"] for message in server.messages] == ["http.disconnect"]


async def test_the_last_part_of_a_body_counts_as_kept_in_memory_like_the_others() -> None:
    held = list[int]()

    async def read(scope: Scope, receive: Receive, send: Send) -> None:
        await read_whole(scope, receive, send)
        body: Any = receive
        held.append(body.__self__.held)

    await Whole(b"in", b"parts").give_to(read)
    assert held == [len(b"inparts")]


async def test_an_accepted_body_is_left_to_the_application() -> None:
    parts = [b"a", b"b"]

    async def receive() -> Any:
        return {"type": "http.request", "body": parts.pop(0), "more_body": bool(parts)}

    async def send(_message: Any) -> None:
        pass

    scope: Any = {"type": "http", "method": "POST", "path": "/", "headers": [], "state": {}}
    await OpenBodies().receive_within_limits(answering(202), NDJSON)(scope, receive, send)
    assert parts == [b"a", b"b"]


async def test_no_more_is_read_of_a_refused_body_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request_body, "READ_OUT_BYTES_MAX", 2)
    app = OpenBodies().receive_within_limits(answering(400), NDJSON)
    sent = await answer(app, "PUT", body=[b"a", b"b", b"c", b"d"])
    assert sent[0]["status"] == 400
