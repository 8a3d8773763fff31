"""What a stream says while nothing happens that its client wants to see: that it is there, and how far it is."""

from __future__ import annotations

import asyncio
import itertools
import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import pytest

from headrace.api.hints.buffer import WAITING_MAX, Hint, HintBuffer
from headrace.api.streaming.event_filter import EventFilter
from headrace.api.streaming.follower import Follower
from headrace.api.streaming.hub import Hub
from headrace.api.streaming.open_streams import HEARTBEAT_SECONDS, SLOW_SECONDS, OpenStream, OpenStreams
from headrace.api.streaming.task_stream import TaskStream
from headrace.api.streaming.viewer import Viewer
from headrace.contracts.events import EventName, Logged, encode
from headrace.contracts.frames import ByeReason
from headrace.contracts.positions import Position
from headrace.log.connection import Log
from headrace.log.subjects import TaskSubject, task_events
from tests.unit.api.streaming.hub_steps import hub_on

PATIENCE_SECONDS = 5.0
LINE = encode(Logged(attempt=1, level="info", message="x"))

BEAT = re.compile(rb"id: (?P<id>[0-9-]+)\nevent: beat\ndata: (?P<data>.+)\n\n")

_owners = itertools.count(1)


def of_kinds(*kinds: str) -> EventFilter:
    return EventFilter(frozenset(), frozenset(), frozenset(kinds), frozenset())


class Read:
    """A stream of an owner's events, read chunk by chunk."""

    def __init__(self, log: Log, hub: Hub, owner: str, stream: OpenStream, follower: Follower) -> None:
        self.log = log
        self.hub = hub
        self.owner = owner
        self.stream = stream
        self.follower = follower
        self.hints = HintBuffer(follower.wake)
        self.source = TaskStream(log, hub.metrics, follower, b"opening", hints=self.hints)
        self.chunks = self.source.chunks(stream)

    async def next(self) -> bytes:
        async with asyncio.timeout(PATIENCE_SECONDS):
            chunk = await anext(self.chunks)
        self.stream.write_finished()
        return chunk

    async def beat(self) -> Position:
        """The position of the next chunk, a sign of life, given that it has been quiet for as long as proxies allow."""
        return position_of(await self.next_when_quiet())

    async def next_when_quiet(self) -> bytes:
        reading = asyncio.ensure_future(self.next())
        await asyncio.sleep(0)
        self.stream.check(asyncio.get_running_loop().time() + HEARTBEAT_SECONDS + 1)
        return await reading

    async def append(self, kind: str = "echo", owner: str | None = None, task: str = "t") -> Position:
        subject = str(TaskSubject(EventName.LOGGED, kind, "normal", owner or self.owner, task))
        return Position(self.log.epoch, (await self.log.appender.append(subject, LINE, {})).sequence)


@asynccontextmanager
async def reading(
    log: Log, wanted: EventFilter | None = None, task: str = "*", owner: str = "", after: int | None = None
) -> AsyncGenerator[Read]:
    owner = owner or f"idle{next(_owners)}"
    async with hub_on(log) as hub:
        state = await log.refresh()
        position = Position(log.epoch, state.last_sequence if after is None else after)
        follower = await hub.follow(task_events(owner, task), position, wanted)
        stream = OpenStreams(hub.metrics).add(follower.wake, Viewer("u"))
        read = Read(log, hub, owner, stream, follower)
        assert await read.next() == b"opening"
        yield read
        await read.chunks.aclose()
        read.source.close()
        assert hub.followers == 0


def position_of(beat: bytes) -> Position:
    """The position of a sign of life, which moves the cursor there and says it also to a page, which cannot see the cursor."""
    told = BEAT.fullmatch(beat)
    assert told is not None, beat
    data = json.loads(told["data"])
    assert datetime.fromisoformat(data["at"])
    assert data == {"position": told["id"].decode(), "at": data["at"]}
    return Position.parse(told["id"].decode())


async def test_a_stream_on_which_nothing_happens_says_that_it_is_still_there_and_where(shared_log: Log) -> None:
    async with reading(shared_log) as read:
        for _ in range(3):
            assert await read.beat() == read.follower.position


@pytest.mark.invariant(6)
async def test_a_stream_whose_filter_lets_nothing_through_moves_its_clients_cursor(shared_log: Log) -> None:
    async with reading(shared_log, of_kinds("echo", "talk")) as read:
        await read.append("noop")
        position = await read.append("noop")
        await read.hub.compare_all()
        assert await read.beat() == position
        assert await read.beat() == position
        wanted = await read.append("talk")
        assert (await read.next()).startswith(b"id: %s\nevent: logged\n" % str(wanted).encode())
        assert await read.beat() == wanted


async def test_a_stream_of_one_task_moves_its_clients_cursor_while_others_happen(shared_log: Log) -> None:
    async with reading(shared_log, task="mine") as read:
        before = read.follower.position
        position = await read.append(owner="somebody")
        assert await read.beat() == before  # nothing tells it of what is not its own
        await read.hub.compare_all()
        assert await read.beat() == position


@pytest.mark.invariant(6)
async def test_what_is_resumed_from_a_sign_of_life_misses_nothing(shared_log: Log) -> None:
    async with reading(shared_log, of_kinds("echo", "talk")) as read:
        position = await read.append("noop")
        await read.hub.compare_all()
        assert await read.beat() == position
        wanted = await read.append("talk")
        async with reading(shared_log, of_kinds("echo", "talk"), owner=read.owner, after=position.sequence) as again:
            assert (await again.next()).startswith(b"id: %s\n" % str(wanted).encode())


@pytest.mark.invariant(6)
async def test_what_is_read_from_history_passes_the_filter_as_what_comes_live_does(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = f"idle{next(_owners)}"
    async with reading(shared_log, of_kinds("echo", "talk"), owner=owner) as live:
        before = live.follower.position
        wanted = [await live.append(kind) for kind in ("noop", "echo", "noop", "talk", "noop")][1::2]
        await live.hub.compare_all()
        seen_live = b""
        while live.follower.position < wanted[-1]:
            seen_live += await live.next()
    monkeypatch.setattr("headrace.api.streaming.feed.JOIN_POSITIONS_MAX", 0)
    async with reading(shared_log, of_kinds("echo", "talk"), owner=owner, after=before.sequence) as read:
        assert not read.follower.in_memory
        assert await read.next() == seen_live
        assert seen_live.count(b"id: ") == len(wanted)


async def test_who_reads_a_long_history_of_nothing_it_wants_is_told_how_far_it_is_and_can_be_ended(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.api.streaming.feed.JOIN_POSITIONS_MAX", 0)
    owner, before = f"idle{next(_owners)}", (await shared_log.refresh()).last_sequence
    subject = str(TaskSubject(EventName.LOGGED, "noop", "normal", owner, "t"))
    sequences = [(await shared_log.appender.append(subject, LINE, {})).sequence for _ in range(20)]
    async with reading(shared_log, of_kinds("echo", "talk"), owner=owner, after=before) as read:
        pages, page = itertools.count(1), shared_log.replayer.page

        async def by_one(subject: str, *, start: int, **_: Any) -> Any:
            if next(pages) in (3, 6):
                read.stream.check(asyncio.get_running_loop().time() + HEARTBEAT_SECONDS + 1)
            return await page(subject, start=start, records=1)

        monkeypatch.setattr(shared_log.replayer, "sparse_page", by_one)
        assert position_of(await read.next()) == Position(shared_log.epoch, sequences[2])
        assert position_of(await read.next()) == Position(shared_log.epoch, sequences[5])
        read.stream.end("drain")
        assert (await read.next()).startswith(b"retry: ")
        assert next(pages) < len(sequences)


async def test_a_frame_that_is_sent_tells_the_metrics_how_old_it_is(shared_log: Log) -> None:
    async with reading(shared_log) as read:
        await read.append()
        await read.next()
        assert dict(read.hub.metrics.delays.buckets)["+Inf"] == 1
        assert read.hub.metrics.events_out == 1


@pytest.mark.invariant(6)
@pytest.mark.parametrize("reach", [10_000, 0], ids=["in memory", "in the log"])
async def test_who_has_been_given_all_of_a_task_is_known_to_be_although_the_log_has_gone_on(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch, reach: int
) -> None:
    monkeypatch.setattr("headrace.api.streaming.feed.JOIN_POSITIONS_MAX", reach)
    owner, before = f"idle{next(_owners)}", (await shared_log.refresh()).last_sequence
    async with reading(shared_log, owner=owner) as others:
        await others.append(task="over")
        await others.append(task="other")
    async with hub_on(shared_log) as hub:
        follower = await hub.follow(task_events(owner, "over"), Position(shared_log.epoch, before))
        assert not follower.caught_up
        assert len(await follower.next(PATIENCE_SECONDS)) == 1
        assert follower.caught_up, "else the stream of a task that is over would stay open until its first heartbeat"


HINT = b"event: counts\ndata: {}\n\n"


async def test_hints_come_without_an_event_and_do_not_put_off_the_sign_of_life(shared_log: Log) -> None:
    async with reading(shared_log, of_kinds("echo", "talk")) as read:
        position = await read.append("noop")
        await read.hub.compare_all()
        read.hints.put(Hint("counts", "counts", HINT))
        assert await read.next() == HINT
        read.hints._next_at = 0.0
        read.hints.put(Hint("counts", "counts", HINT))
        chunk = await read.next_when_quiet()
        assert chunk.startswith(HINT)
        assert position_of(chunk.removeprefix(HINT)) == position


async def test_a_stream_that_is_woken_for_nothing_sends_nothing(shared_log: Log) -> None:
    async with reading(shared_log) as read:
        reading_on = asyncio.ensure_future(read.next())
        for _ in range(3):
            await asyncio.sleep(0)
            read.follower.wake()
        await asyncio.sleep(0)
        assert not reading_on.done()
        wanted = await read.append()
        assert (await reading_on).startswith(b"id: %s\n" % str(wanted).encode())


async def test_a_slow_client_is_sent_its_events_first_and_then_of_each_hint_the_newest(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headrace.api.streaming.frame_buffer.CHUNK_FRAMES", 2)
    async with reading(shared_log) as read:
        positions = [await read.append() for _ in range(4)]
        await read.hub.compare_all()
        read.stream._write_seconds = SLOW_SECONDS + 1
        for number in range(1000):
            read.hints.put(Hint("counts", "counts", b"event: counts\ndata: %d\n\n" % number))
            read.hints.put(Hint("counted", f"batch {number}", b"event: counted\ndata: {}\n\n"))
        assert len(read.hints) == WAITING_MAX
        chunk = await anext(read.chunks)
        assert b"event: count" not in chunk
        assert chunk.count(b"id: ") == 2
        chunk = await anext(read.chunks)
        assert chunk.startswith(b"id: %s\n" % str(positions[2]).encode())
        # The events come first, and nothing that waits has an id.
        events, _, hints = chunk.partition(b"event: count")
        assert events.count(b"id: ") == 2
        assert b"id: " not in hints
        assert chunk.count(b"event: counted\n") + chunk.count(b"event: counts\n") == WAITING_MAX
        assert b"data: 999\n" in chunk


async def test_a_stream_whose_client_may_not_see_it_any_more_says_why_and_nothing_else(shared_log: Log) -> None:
    async with reading(shared_log) as read:
        await read.append()
        read.hints.put(Hint("counts", "counts", HINT))
        read.stream.say_bye(ByeReason.DISABLED)
        chunk = await read.next()
        assert chunk.startswith(b'event: bye\ndata: {"reason":"disabled"}\n\nretry: ')
        with pytest.raises(StopAsyncIteration):
            await anext(read.chunks)
