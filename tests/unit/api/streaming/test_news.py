"""What is new is sent where a stream waits, unless its client is not to be sent it there: then the stream goes on as always."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest

from headrace.api.streaming import fan_out
from headrace.api.streaming.event_filter import EventFilter
from headrace.api.streaming.frames import Frame
from headrace.api.streaming.open_streams import SLOW_SECONDS, STALLED_SECONDS, OpenStream, OpenStreams
from headrace.api.streaming.task_stream import TaskStream
from headrace.api.streaming.viewer import Viewer
from headrace.contracts.events import EventName, Finished, Logged, Outcome, encode
from headrace.contracts.frames import ByeReason
from headrace.contracts.positions import Position
from headrace.lifecycle.task_state import TaskState
from headrace.log.connection import Log
from headrace.log.subjects import TaskSubject, task_events
from tests.unit.api.streaming.hub_steps import PATIENCE_SECONDS, hub_on
from tests.waiting import until

LINE = encode(Logged(attempt=1, level="info", message="x"))
END = encode(Finished(attempt=1, outcome=Outcome.SUCCEEDED, worker="w", queued_seconds=0.0, run_seconds=0.0))

_owners = itertools.count(1)


class Server:
    """The server's side of a client: what it was sent, in order, of which it takes nothing when it is told so."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.takes = True
        self.waiting: asyncio.Future[None] | None = None

    def send(self, message: Any) -> asyncio.Future[None]:
        assert self.waiting is None or self.waiting.done(), "a chunk was sent while another one was not taken"
        self.sent.append(message["body"])
        sending: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self.takes:
            sending.set_result(None)
        else:
            self.waiting = sending
        return sending


class Watched:
    """A stream that waits for news, its client, and what the stream's own task sends."""

    def __init__(self, log: Log, owner: str, source: TaskStream, streams: OpenStreams) -> None:
        self.server = Server()
        self.chunks: list[bytes] = []
        self.streams = streams
        self.stream: OpenStream
        self._log = log
        self._owner = owner
        self._source = source
        self.sending = asyncio.create_task(self._send())

    async def _send(self) -> None:
        # As the response does.
        self.stream = self.streams.add(self._source.wake, Viewer("u"), self.server.send)
        async for chunk in self._source.chunks(self.stream):
            self.chunks.append(chunk)
            self.stream.write_started()
            await self.server.send({"body": chunk})
            self.stream.write_finished()

    async def append(self, event: EventName = EventName.LOGGED, kind: str = "echo") -> bytes:
        """Append an event; returns how its frame begins."""
        subject = str(TaskSubject(event, kind, "normal", self._owner, "t"))
        payload = END if event is EventName.FINISHED else LINE
        appended = await self._log.appender.append(subject, payload, {})
        return b"id: %d-%d\n" % (self._log.epoch, appended.sequence)

    async def was_sent(self, *begin: bytes) -> None:
        """Wait until these events and no others were sent, each once and in order."""

        def ids() -> list[bytes]:
            return [line + b"\n" for line in b"".join(self.server.sent[1:]).split(b"\n") if line.startswith(b"id: ")]

        await until(lambda: ids() == list(begin), f"{begin} to be sent")


@asynccontextmanager
async def watched(
    log: Log, wanted: Callable[[Frame], bool] | None = None, *, until_end: bool = False
) -> AsyncGenerator[Watched]:
    owner = f"news{next(_owners)}"

    async def state() -> TaskState | None:
        return None

    async with hub_on(log) as hub:
        follower = await hub.follow(
            task_events(owner), Position(log.epoch, (await log.refresh()).last_sequence), wanted
        )
        source = TaskStream(log, hub.metrics, follower, b"opening", state if until_end else None)
        streams = OpenStreams(hub.metrics)
        found = Watched(log, owner, source, streams)
        await until(lambda: follower._waiting is not None, "the stream to wait")
        yield found
        found.sending.cancel()
        await asyncio.wait({found.sending})
        source.close()


@pytest.mark.invariant(6)
async def test_news_are_sent_where_a_stream_waits_and_its_task_sends_nothing(shared_log: Log) -> None:
    async with watched(shared_log) as stream:
        first, second = await stream.append(), await stream.append()
        await stream.was_sent(first, second)
        assert stream.chunks == [b"opening"]
        assert stream.streams.metrics.events_out == 2
        assert stream.streams.metrics.delays.count >= 1


@pytest.mark.invariant(6)
async def test_a_client_that_is_behind_is_sent_what_comes_meanwhile_when_it_has_taken_what_was_before(
    shared_log: Log,
) -> None:
    async with watched(shared_log) as stream:
        stream.server.takes = False
        first = await stream.append()
        await stream.was_sent(first)
        second, third = await stream.append(), await stream.append()
        stream.server.takes = True
        assert stream.server.waiting is not None
        stream.server.waiting.set_result(None)
        await stream.was_sent(first, second, third)
        fourth = await stream.append()
        await stream.was_sent(first, second, third, fourth)


async def test_a_client_that_does_not_take_what_was_sent_where_its_stream_waits_is_cut_off(shared_log: Log) -> None:
    async with watched(shared_log) as stream:
        stream.server.takes = False
        await stream.was_sent(await stream.append())
        stream.stream.check(asyncio.get_running_loop().time() + STALLED_SECONDS + 1)
        await asyncio.wait({stream.sending}, timeout=PATIENCE_SECONDS)
        assert stream.stream.is_cut
        assert stream.sending.done()


async def test_a_client_that_took_what_was_sent_late_is_known_to_be_slow(shared_log: Log) -> None:
    async with watched(shared_log) as stream:
        stream.server.takes = False
        first = await stream.append()
        await stream.was_sent(first)
        assert stream.stream._write_started_at is not None
        stream.stream._write_started_at -= SLOW_SECONDS + 0.1
        stream.server.takes = True
        assert stream.server.waiting is not None
        stream.server.waiting.set_result(None)
        await until(lambda: stream.stream.is_slow, "the client to be known as slow")
        await stream.was_sent(first, await stream.append())
        assert len(stream.chunks) == 2


@pytest.mark.invariant(8)
@pytest.mark.parametrize("reason", ["bye", "expired", "lifetime"])
async def test_who_may_not_see_a_stream_any_more_is_sent_nothing_where_it_waits(shared_log: Log, reason: str) -> None:
    async with watched(shared_log) as stream:
        if reason == "bye":
            stream.stream.say_bye(ByeReason.REVOKED)
        elif reason == "expired":
            stream.stream.viewer = Viewer("u", until=1.0)
        else:
            stream.stream._ends_at = 0.0
        await stream.append()
        await asyncio.wait({stream.sending}, timeout=PATIENCE_SECONDS)
        assert stream.sending.done()
        assert b"id: " not in b"".join(stream.server.sent)
        assert b"retry: " in stream.server.sent[-1]


@pytest.mark.invariant(6)
async def test_a_filter_holds_for_what_is_sent_where_a_stream_waits(shared_log: Log) -> None:
    wanted = EventFilter(frozenset(), frozenset(), frozenset({"echo", "talk"}), frozenset())
    async with watched(shared_log, wanted) as stream:
        await stream.append(kind="noop")
        first = await stream.append(kind="talk")
        await stream.append(kind="noop")
        second = await stream.append()
        await stream.was_sent(first, second)
        assert stream.chunks == [b"opening"]


@pytest.mark.invariant(6)
async def test_of_events_that_are_told_together_a_client_is_sent_those_it_wants(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fan_out, "MANY", 1)
    monkeypatch.setattr(fan_out, "PAUSE_SECONDS", 0.2)
    async with watched(shared_log, lambda frame: frame.kind == "echo") as stream:
        first = await stream.append()
        await stream.append(kind="noop")
        second = await stream.append()
        await stream.was_sent(first, second)


@pytest.mark.invariant(6)
async def test_the_end_of_a_task_ends_its_stream_although_the_rest_was_sent_where_it_waits(shared_log: Log) -> None:
    async with watched(shared_log, until_end=True) as stream:
        first = await stream.append()
        await stream.was_sent(first)
        end = await stream.append(EventName.FINISHED)
        await stream.was_sent(first, end)
        await asyncio.wait({stream.sending}, timeout=PATIENCE_SECONDS)
        assert stream.sending.done()
        stream.sending.result()
        assert len(stream.chunks) == 2
