from __future__ import annotations

import asyncio
import itertools
import shutil
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.api.streaming import frame_buffer as recent_module
from headrace.api.streaming.follower import Discontinued, Follower
from headrace.api.streaming.hub import Feed, Hub
from headrace.contracts.events import (
    EventName,
    Logged,
    encode,
)
from headrace.contracts.positions import Position
from headrace.embedded.nats import EmbeddedNats
from headrace.errors import LogUnavailable
from headrace.log.connection import Log
from headrace.log.opening import open_log
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject, task_events
from tests.cluster import until
from tests.proxy import proxy_to
from tests.unit.api.streaming.test_frames import read_frame
from tests.unit.conftest import settings_for

PATIENCE_SECONDS = 5.0
PAGE_RECORDS = 3

Action = tuple[str, Any, int]

_owners = itertools.count(1)


class Network:
    """The live feed on its way to the hub: loses what it is told to lose, and knows what has passed."""

    def __init__(self) -> None:
        self.lose = 0
        self.passed: dict[Feed, int] = {}
        self._moved = asyncio.Event()

    def carry(self, deliver: Any, feed: Feed, record: Record) -> None:
        if self.lose:
            self.lose -= 1
        else:
            deliver(feed, record)
        self.passed[feed] = record.sequence
        self._moved.set()

    async def has_passed(self, feeds: list[Feed], sequence: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while any(self.passed.get(feed, 0) < sequence for feed in feeds):
                self._moved.clear()
                await self._moved.wait()


@contextmanager
def network() -> Generator[Network]:
    between = Network()
    deliver = Feed.on_record
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Feed, "on_record", lambda feed, record: between.carry(deliver, feed, record))
        yield between


@asynccontextmanager
async def hub_on(log: Log) -> AsyncGenerator[Hub]:
    """A hub of its own; afterwards the log is as if it had never been."""
    before = set(log._connection._subs)
    hub = Hub(log)
    yield hub
    for feed in list(hub._feeds.values()):
        for follower in list(feed.followers):
            follower.close()
    await until(lambda: set(log._connection._subs) == before, "no subscription to be left")


class Client:
    """Somebody who follows, and what it was given."""

    def __init__(self, subject: str, after: Position, follower: Follower) -> None:
        self.subject = subject
        self.after = after
        self.follower = follower
        self.seen: list[int] = []

    async def read(self, patience: float = 0.0) -> bool:
        frames = await self.follower.next(patience)
        self.seen += [frame.sequence for frame in frames]
        if frames:
            assert self.follower.position.sequence >= frames[-1].sequence
        return bool(frames)

    async def read_up_to(self, sequence: int) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while self.follower.position.sequence < sequence:
                await self.read(PATIENCE_SECONDS)
        while await self.read():
            pass


class Followed:
    """An owner's part of the log, followed by several clients at once."""

    def __init__(self, log: Log, hub: Hub, between: Network) -> None:
        self.log = log
        self.hub = hub
        self.between = between
        self.owner = f"hub{next(_owners)}"
        self.records: list[tuple[int, str]] = []  # sequence, task
        self.clients: list[Client] = []

    async def append(self, task: str) -> None:
        event = encode(Logged(attempt=1, level="info", message=str(len(self.records))))
        subject = str(TaskSubject(EventName.LOGGED, "echo", "normal", self.owner, task))
        sequence = (await self.log.appender.append(subject, event, {})).sequence
        self.records.append((sequence, task))
        concerned = (task_events(self.owner), task_events(self.owner, task))
        feeds = [feed for feed in self.hub._feeds.values() if feed.subject in concerned]
        await self.between.has_passed(feeds, sequence)

    async def join(self, task: str, back: int) -> None:
        """Join after the position of one of the last records, or before all of them."""
        positions = [0, *(sequence for sequence, _ in self.records)]
        after = Position(self.log.epoch, positions[max(0, len(positions) - 1 - back)])
        subject = task_events(self.owner, task)
        self.clients.append(Client(subject, after, await self.hub.follow(subject, after)))

    async def compare(self) -> None:
        await self.hub.compare()

    def expected(self, client: Client) -> list[int]:
        return [
            sequence
            for sequence, task in self.records
            if sequence > client.after.sequence
            and client.subject in (task_events(self.owner), task_events(self.owner, task))
        ]

    async def read(self, client: Client, patience: float = 0.0) -> bool:
        return await client.read(patience)

    async def step(self, action: Action) -> None:
        match action:
            case ("append", task, count):
                for _ in range(count):
                    await self.append(task)
            case ("join", task, back):
                await self.join(task, back)
            case ("read", which, times):
                for client in self.clients if which is None else self.clients[which : which + 1]:
                    for _ in range(times):
                        await self.read(client)
            case ("leave", which, _):
                for client in self.clients[which : which + 1]:
                    client.follower.close()
                    self.clients.remove(client)
            case ("lose", task, count):  # the last ones: nothing that arrives later tells of them
                self.between.lose = 10**6
                for _ in range(count):
                    await self.append(task)
                self.between.lose = 0
                await self.compare()
            case ("lose next", _, count):
                self.between.lose += count
            case ("reconnect", task, count):
                self.between.lose = 10**6
                for _ in range(count):
                    await self.append(task)
                self.between.lose = 0
                await self.hub._on_reconnect()
            case ("compare", _, _):
                await self.compare()
            case _:
                raise ValueError(action)

    async def end(self) -> None:
        self.between.lose = 0
        await self.compare()
        for client in self.clients:
            async with asyncio.timeout(PATIENCE_SECONDS):
                while await self.read(client) or client.seen != self.expected(client):
                    await asyncio.sleep(0)


_task = st.sampled_from("ab")
_client = st.integers(0, 3)
_ACTIONS: dict[str, st.SearchStrategy[Action]] = {
    "append": st.tuples(st.just("append"), _task, st.integers(1, 3)),
    "flood": st.tuples(st.just("append"), _task, st.integers(5, 9)),
    "join": st.tuples(st.just("join"), st.sampled_from("ab*"), st.integers(0, 8)),
    "read": st.tuples(st.just("read"), _client, st.integers(1, 3)),
    "read all": st.tuples(st.just("read"), st.none(), st.just(3)),
    "leave": st.tuples(st.just("leave"), _client, st.just(0)),
    "lose": st.tuples(st.just("lose"), _task, st.integers(1, 3)),
    "lose next": st.tuples(st.just("lose next"), st.none(), st.integers(1, 2)),
    "reconnect": st.tuples(st.just("reconnect"), _task, st.integers(1, 3)),
    "compare": st.tuples(st.just("compare"), st.none(), st.just(0)),
}
_OFTEN = [*["append"] * 3, *["read all"] * 3, "join", "join"]


@st.composite
def happenings(draw: st.DrawFn) -> list[Action]:
    """What may happen while some follow, from the first join on."""
    chosen = ["join", *draw(st.lists(st.sampled_from([*_ACTIONS, *_OFTEN]), min_size=10, max_size=30))]
    return [draw(_ACTIONS[name]) for name in chosen]


async def play(log: Log, actions: list[Action]) -> None:
    with network() as between, pytest.MonkeyPatch.context() as patch:
        patch.setattr(recent_module, "FRAMES_MAX", 4)  # so that a few appends are more than a feed holds
        patch.setattr(recent_module, "TRIM_FRAMES", 0)
        patch.setattr(recent_module, "CHUNK_FRAMES", 3)
        patch.setattr(
            log.replayer, "page", partial(log.replayer.page, records=PAGE_RECORDS)
        )  # and than a page of history
        async with hub_on(log) as hub:
            followed = Followed(log, hub, between)
            for action in actions:
                await followed.step(action)
            await followed.end()


@pytest.mark.invariant(6)
@given(actions=happenings())
@settings(derandomize=True, deadline=None, max_examples=100)
async def test_whoever_follows_is_given_the_logs_events_in_order_each_once(
    shared_log: Log, actions: list[Action]
) -> None:
    await play(shared_log, actions)


@pytest.mark.invariant(6)
async def test_many_join_at_any_moment_while_the_log_grows(shared_log: Log) -> None:
    owner = f"hub{next(_owners)}"
    sequences: list[int] = []
    begin = (await shared_log.refresh()).last_sequence

    async def append_all() -> None:
        for n in range(600):
            payload = encode(Logged(attempt=1, level="info", message="x"))
            appended = await shared_log.appender.append(f"hr.tasks.logged.echo.normal.{owner}.{n % 5}", payload, {})
            sequences.append(appended.sequence)

    async def follow(hub: Hub, after_records: int) -> Client:
        await until(lambda: len(sequences) >= after_records, "the log to grow")
        after = Position(shared_log.epoch, sequences[after_records // 2] if after_records else begin)
        task = str(after_records % 5) if after_records % 2 else "*"
        subject = task_events(owner, task)
        client = Client(subject, after, await hub.follow(subject, after))
        await appending
        wanted = [each for n, each in enumerate(sequences) if each > after.sequence and task in ("*", str(n % 5))]
        await client.read_up_to(wanted[-1])
        assert client.seen == wanted
        return client

    async with hub_on(shared_log) as hub:
        appending = asyncio.create_task(append_all())
        clients = await asyncio.gather(*(follow(hub, 37 * n) for n in range(16)))
        assert hub.followers == len(clients)


def subject_of(owner: str, event: EventName = EventName.LOGGED, task: str = "t") -> str:
    return str(TaskSubject(event, "echo", "normal", owner, task))


LINE = encode(Logged(attempt=1, level="info", message="x"))


async def client_on(hub: Hub, log: Log, owner: str) -> Client:
    """A client that has everything there is."""
    after = Position(log.epoch, (await log.refresh()).last_sequence)
    client = Client(task_events(owner), after, await hub.follow(task_events(owner), after))
    assert not await client.read()
    return client


async def test_one_subscription_serves_all_who_follow_a_subject(shared_log: Log) -> None:
    owner = f"hub{next(_owners)}"
    async with hub_on(shared_log) as hub:
        before = len(shared_log._connection._subs)
        clients = [await client_on(hub, shared_log, owner) for _ in range(5)]
        assert (hub.feeds, hub.followers) == (1, 5)
        assert len(shared_log._connection._subs) == before + 1
        appended = await shared_log.appender.append(subject_of(owner), LINE, {})
        for client in clients:
            await client.read_up_to(appended.sequence)
            assert client.seen == [appended.sequence]


async def test_the_last_one_out_closes_the_subscription_and_leaves_nothing(shared_log: Log) -> None:
    owner = f"hub{next(_owners)}"
    async with hub_on(shared_log) as hub:
        subscriptions, tasks = set(shared_log._connection._subs), asyncio.all_tasks()
        one, other = [await client_on(hub, shared_log, owner) for _ in range(2)]
        one.follower.close()
        assert (hub.feeds, hub.followers) == (1, 1)
        other.follower.close()
        other.follower.close()  # nothing happens twice
        assert (hub.feeds, hub.followers) == (0, 0)
        await until(lambda: set(shared_log._connection._subs) == subscriptions, "the subscription to be gone")
        await until(lambda: asyncio.all_tasks() <= tasks, "its tasks to be gone")


@pytest.mark.invariant(6)
async def test_whoever_comes_after_the_last_one_left_is_served_anew(shared_log: Log) -> None:
    owner = f"hub{next(_owners)}"
    async with hub_on(shared_log) as hub:
        for _ in range(3):
            client = await client_on(hub, shared_log, owner)
            appended = await shared_log.appender.append(subject_of(owner), LINE, {})
            await client.read_up_to(appended.sequence)
            assert client.seen == [appended.sequence]
            client.follower.close()


@pytest.mark.invariant(8)
async def test_nobody_sees_what_happens_to_somebody_else(shared_log: Log) -> None:
    owner = f"hub{next(_owners)}"
    async with hub_on(shared_log) as hub:
        client = await client_on(hub, shared_log, owner)
        for _ in range(5):
            await shared_log.appender.append(subject_of(owner + "x"), LINE, {})
            await shared_log.appender.append(subject_of("x" + owner), LINE, {})
        appended = await shared_log.appender.append(subject_of(owner), LINE, {})
        await client.read_up_to(appended.sequence)
        assert client.seen == [appended.sequence]


async def test_waiting_in_vain_gives_nothing(shared_log: Log) -> None:
    async with hub_on(shared_log) as hub:
        client = await client_on(hub, shared_log, f"hub{next(_owners)}")
        assert await client.follower.next(0.05) == []


async def test_whoever_waits_is_woken_by_the_next_event(shared_log: Log) -> None:
    owner = f"hub{next(_owners)}"
    async with hub_on(shared_log) as hub:
        client = await client_on(hub, shared_log, owner)
        waiting = asyncio.create_task(client.follower.next(PATIENCE_SECONDS))
        await asyncio.sleep(0)
        appended = await shared_log.appender.append(subject_of(owner), LINE, {})
        assert [frame.sequence for frame in await waiting] == [appended.sequence]


async def test_draining_wakes_everybody(shared_log: Log) -> None:
    async with hub_on(shared_log) as hub:
        clients = [await client_on(hub, shared_log, f"hub{next(_owners)}") for _ in range(3)]
        waiting = [asyncio.create_task(client.follower.next(PATIENCE_SECONDS)) for client in clients]
        await asyncio.sleep(0)
        hub.drain()
        assert await asyncio.gather(*waiting) == [[], [], []]
        assert hub.draining


async def test_large_events_do_not_pile_up_behind_a_slow_reader(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recent_module, "BYTES_MAX", 10_000)
    owner = f"hub{next(_owners)}"
    large = encode(Logged(attempt=1, level="info", message="x" * 3000))
    async with hub_on(shared_log) as hub:
        client = await client_on(hub, shared_log, owner)
        (feed,) = hub._feeds.values()
        expected: list[int] = []
        for _ in range(20):
            expected.append((await shared_log.appender.append(subject_of(owner), large, {})).sequence)
            await until(lambda: feed.recent.complete >= expected[-1], "the event to arrive")
            assert sum(len(frame.encoded) for frame in feed.recent.all_after(0)) <= 10_000
        await client.read_up_to(expected[-1])
        assert client.seen == expected


@pytest.mark.invariant(6)
async def test_a_stream_goes_on_over_a_broken_connection_without_a_gap_or_a_repeat(nats: EmbeddedNats) -> None:
    assert nats.port is not None
    async with (
        proxy_to(nats.port) as proxy,
        open_log(settings_for(nats), "near") as near,
        open_log(settings_for(nats, HEADRACE_NATS_URL=proxy.url), "far") as far,
        hub_on(far) as hub,
    ):
        client = await client_on(hub, far, "u")
        expected: list[int] = []
        for n in range(4):
            for _ in range(3):
                expected.append((await near.appender.append(subject_of("u"), LINE, {})).sequence)
            if n % 2:
                await client.read_up_to(expected[-1])
            proxy.go_down()
            await until(lambda: not far.is_connected, "the connection to break")
            for _ in range(3):
                expected.append((await near.appender.append(subject_of("u"), LINE, {})).sequence)
            await proxy.listen()
            await until(lambda: far.is_connected, "the connection to come back")
        expected.append((await near.appender.append(subject_of("u"), LINE, {})).sequence)
        await until(lambda: far.replayer._connection.is_connected, "history to come back")
        await client.read_up_to(expected[-1])
        assert client.seen == expected


@pytest.mark.invariant(6)
async def test_history_that_cannot_be_read_is_asked_for_again(shared_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    owner = f"hub{next(_owners)}"
    appended = await shared_log.appender.append(subject_of(owner), LINE, {})
    monkeypatch.setattr("headrace.api.streaming.hub.REACH", 0)
    async with hub_on(shared_log) as hub:
        after = Position(shared_log.epoch, appended.sequence - 1)
        client = Client(task_events(owner), after, await hub.follow(task_events(owner), after))

        async def away(*_: object, **__: object) -> None:
            raise LogUnavailable("away")

        with monkeypatch.context() as patch:
            patch.setattr(shared_log.replayer, "page", away)
            for _ in range(2):
                with pytest.raises(LogUnavailable):
                    await client.follower.next(1.0)
        await client.read_up_to(appended.sequence)
        assert client.seen == [appended.sequence]


@pytest.mark.invariant(6)
async def test_what_comes_live_while_the_log_cannot_be_read_waits_for_what_is_before_it(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    owner = f"hub{next(_owners)}"
    monkeypatch.setattr("headrace.api.streaming.hub.AGAIN_SECONDS", 0.01)
    failing = asyncio.Event()

    async def away(*_: object, **__: object) -> None:
        failing.set()
        raise LogUnavailable("away")

    with network() as between:
        async with hub_on(shared_log) as hub:
            client = await client_on(hub, shared_log, owner)
            between.lose = 1
            with monkeypatch.context() as patch:
                patch.setattr(shared_log.replayer, "page", away)
                expected = [(await shared_log.appender.append(subject_of(owner), LINE, {})).sequence for _ in range(2)]
                await failing.wait()
                assert await client.follower.next(0.02) == []
            await client.read_up_to(expected[-1])
            assert client.seen == expected


async def test_a_log_that_cannot_be_reached_is_not_followed_and_leaves_nothing(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def away() -> None:
        raise LogUnavailable("away")

    async with hub_on(shared_log) as hub:
        owner = f"hub{next(_owners)}"
        with monkeypatch.context() as patch:
            patch.setattr(shared_log, "refresh", away)
            with pytest.raises(LogUnavailable):
                await hub.follow(task_events(owner), Position(shared_log.epoch, 0))
        assert (hub.feeds, hub.followers) == (0, 0)
        await client_on(hub, shared_log, owner)


@pytest.mark.invariant(6)
async def test_a_log_that_was_made_anew_is_not_mistaken_for_the_old_one(log: Log, nats: EmbeddedNats) -> None:
    async with hub_on(log) as hub:
        client = await client_on(hub, log, "u")
        before = log.epoch
        await nats.kill()
        shutil.rmtree(nats.directory / "jetstream")
        await nats.start()
        await until(lambda: log.epoch != before, "the log to be made anew")
        with pytest.raises(Discontinued):
            await client.follower.next(1.0)
        client.follower.restart(Position(log.epoch, 0))
        await until(lambda: log.replayer._connection.is_connected, "history to come back")
        appended = await log.appender.append(subject_of("u"), LINE, {})
        await client.read_up_to(appended.sequence)
        assert client.seen == [appended.sequence]
        assert client.follower.position.epoch == log.epoch


async def test_an_event_is_encoded_once_for_all_who_follow(shared_log: Log) -> None:
    owner = f"hub{next(_owners)}"
    async with hub_on(shared_log) as hub:
        clients = [await client_on(hub, shared_log, owner) for _ in range(3)]
        waiting = [asyncio.create_task(client.follower.next(PATIENCE_SECONDS)) for client in clients]
        await asyncio.sleep(0)
        await shared_log.appender.append(subject_of(owner), LINE, {})
        (first,), *others = await asyncio.gather(*waiting)
        assert all(other.encoded is first.encoded for (other,) in others)


@pytest.mark.invariant(6)
async def test_two_who_join_a_subject_at_the_same_moment_share_one_subscription_and_see_each_event_once(
    shared_log: Log,
) -> None:
    owner = f"hub{next(_owners)}"
    async with hub_on(shared_log) as hub:
        before = len(shared_log._connection._subs)
        one, _ = await asyncio.gather(*(client_on(hub, shared_log, owner) for _ in range(2)))
        subscriptions = len(shared_log._connection._subs) - before
        for _ in range(3):
            appended = await shared_log.appender.append(subject_of(owner), LINE, {})
        await one.read_up_to(appended.sequence)
        assert (len(one.seen), subscriptions) == (3, 1)


@pytest.mark.invariant(6)
@pytest.mark.parametrize("how", ["fails", "is cancelled"])
async def test_who_joins_while_another_opens_the_feed_and_that_one_goes_away_is_not_left_waiting(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    subject, after = task_events("opener"), Position(shared_log.epoch, 0)
    asked, answer = asyncio.Event(), asyncio.Event()
    refresh = shared_log.refresh

    async def slow() -> Any:
        if asked.is_set():
            return await refresh()
        asked.set()
        await answer.wait()
        if how == "fails":
            raise LogUnavailable("away")
        return await refresh()

    monkeypatch.setattr(shared_log, "refresh", slow)
    async with hub_on(shared_log) as hub:
        opening = asyncio.create_task(hub.follow(subject, after))
        await asked.wait()
        joining = asyncio.create_task(hub.follow(subject, after))
        await asyncio.sleep(0)
        if how == "is cancelled":
            opening.cancel()
        answer.set()
        await asyncio.wait([opening])
        try:
            async with asyncio.timeout(2):
                await asyncio.wait([joining])
            assert joining.done()
            assert (joining.exception() is None) == (how == "is cancelled")
        finally:
            joining.cancel()
            await asyncio.wait([joining])


async def test_who_is_cancelled_while_it_subscribes_leaves_no_subscription(shared_log: Log) -> None:
    async with hub_on(shared_log) as hub:
        joining = asyncio.create_task(hub.follow(task_events("cancelled"), Position(shared_log.epoch, 0)))
        for _ in range(2):
            await asyncio.sleep(0)
        joining.cancel()
        await asyncio.wait([joining])
        assert hub.feeds == 0


@pytest.mark.invariant(6)
@pytest.mark.parametrize("payload", [b"", b"{}", b"nonsense", b"[1]"])
@pytest.mark.parametrize("event", [EventName.QUEUED, EventName.STARTED])
async def test_an_event_that_cannot_be_read_does_not_end_the_streams_that_come_past_it(
    shared_log: Log, event: EventName, payload: bytes
) -> None:
    owner = f"hub{next(_owners)}"
    async with hub_on(shared_log) as hub:
        client = await client_on(hub, shared_log, owner)
        await shared_log.appender.append(subject_of(owner, event), payload, {})
        appended = await shared_log.appender.append(subject_of(owner), LINE, {})
        frames = []
        while client.follower.position.sequence < appended.sequence:
            frames += await client.follower.next(5)
        assert frames[-1].sequence == appended.sequence
        for frame in frames:
            read_frame(frame.encoded)


@pytest.mark.invariant(6)
async def test_what_arrives_before_a_reconnect_is_dealt_with_does_not_hide_what_was_lost(nats: EmbeddedNats) -> None:
    assert nats.port is not None
    async with (
        proxy_to(nats.port) as proxy,
        open_log(settings_for(nats), "near") as near,
        open_log(settings_for(nats, HEADRACE_NATS_URL=proxy.url), "far") as far,
    ):
        held = asyncio.Event()

        async def slow() -> None:  # as are the callbacks and the provisioning that come before the hub's turn
            await held.wait()

        far.on_reconnect(slow)
        async with hub_on(far) as hub:
            client = await client_on(hub, far, "u")
            reading = asyncio.create_task(client.follower.next(5))
            proxy.go_down()
            await until(lambda: not far.is_connected, "the connection to break")
            lost = await near.appender.append(subject_of("u"), LINE, {})
            await proxy.listen()
            await until(lambda: far.is_connected, "the connection to come back")
            await until(lambda: far.replayer._connection.is_connected, "history to come back")
            await far._connection.flush()
            later = await near.appender.append(subject_of("u"), LINE, {})
            await asyncio.wait([reading], timeout=0.2)  # it is not to be given the later one alone
            held.set()
            seen = [frame.sequence for frame in await reading]
            async with asyncio.timeout(5):
                while client.follower.position.sequence < later.sequence:
                    seen += [frame.sequence for frame in await client.follower.next(5)]
            assert seen == [lost.sequence, later.sequence]


@pytest.mark.invariant(6)
async def test_streams_go_on_although_catching_up_after_a_reconnect_failed_at_first(
    log: Log, nats: EmbeddedNats
) -> None:
    failures = iter([LogUnavailable("JetStream is still recovering its files")])

    async def failing() -> None:
        for failure in failures:
            raise failure

    log.on_reconnect(failing)  # as the provisioning does when JetStream takes more than a minute
    async with hub_on(log) as hub:
        client = await client_on(hub, log, "u")
        await nats.kill()
        await until(lambda: not log.is_connected, "the connection to break")
        await nats.start()
        await until(lambda: log.is_connected, "the connection to come back")
        await until(lambda: log.replayer._connection.is_connected, "history to come back")
        appended = await log.appender.append(subject_of("u"), LINE, {})
        await client.read_up_to(appended.sequence)
