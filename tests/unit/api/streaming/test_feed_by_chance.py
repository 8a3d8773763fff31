"""Whatever happens to a feed, in whatever order, its followers are given the events of the log."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.api.streaming import fan_out as fan_out_module
from headrace.api.streaming import frame_buffer as buffer_module
from headrace.api.streaming.fan_out import News
from headrace.api.streaming.follower import Follower
from headrace.api.streaming.hub import Hub
from headrace.contracts.events import (
    EventName,
    Logged,
    encode,
)
from headrace.contracts.positions import Position
from headrace.log.connection import Log
from headrace.log.subjects import TaskSubject, task_events
from tests.examples import examples
from tests.unit.api.streaming.hub_steps import (
    PATIENCE_SECONDS,
    Client,
    Network,
    hub_on,
    network,
    new_owner,
)

PAGE_RECORDS = 3

Action = tuple[str, Any, int]


class WaitingClient(Client):
    """A client that waits for events all the time, as streams do. It takes two of three news where it waits."""

    def __init__(self, subject: str, after: Position, follower: Follower) -> None:
        super().__init__(subject, after, follower)
        self.offered = self.taken = 0
        follower.push = self._push
        self.waiting = asyncio.create_task(self._wait())

    async def read(self, patience: float = 0.0) -> bool:
        """Let it read."""
        await asyncio.sleep(patience)
        return False

    async def _wait(self) -> None:
        while True:
            self.seen += [frame.sequence for frame in await self.follower.next()]

    def _push(self, news: News) -> bool:
        self.offered += 1
        if self.offered % 3 == 0:
            return False
        self.taken += 1
        self.seen += [frame.sequence for frame in news.frames]
        return True


class Followed:
    """An owner's part of the log, followed by several clients at once."""

    def __init__(self, log: Log, hub: Hub, between: Network, make_client: type[Client]) -> None:
        self.log = log
        self.hub = hub
        self.between = between
        self.owner = new_owner()
        self.records: list[tuple[int, str]] = []  # sequence, task
        self.clients: list[Client] = []
        self._make_client = make_client

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
        self.clients.append(self._make_client(subject, after, await self.hub.follow(subject, after)))

    async def compare(self) -> None:
        await self.hub.compare_all()

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
                    await self._leave(client)
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
            await self._leave(client)

    async def _leave(self, client: Client) -> None:
        if isinstance(client, WaitingClient):
            client.waiting.cancel()
            await asyncio.wait({client.waiting})
        client.follower.close()


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


async def play(log: Log, actions: list[Action], make_client: type[Client] = Client) -> None:
    with network() as between, pytest.MonkeyPatch.context() as patch:
        patch.setattr(buffer_module, "FRAMES_MAX", 4)  # so that a few appends are more than a feed holds
        patch.setattr(buffer_module, "TRIM_FRAMES", 0)
        patch.setattr(buffer_module, "CHUNK_FRAMES", 3)
        patch.setattr(fan_out_module, "CHUNK_FRAMES", 3)
        patch.setattr(fan_out_module, "MANY", 2)
        patch.setattr(
            log.replayer, "page", partial(log.replayer.page, records=PAGE_RECORDS)
        )  # and than a page of history
        async with hub_on(log) as hub:
            followed = Followed(log, hub, between, make_client)
            for action in actions:
                await followed.step(action)
            await followed.end()


@pytest.mark.invariant(6)
@given(actions=happenings())
@examples(100)
async def test_whoever_follows_is_given_the_logs_events_in_order_each_once(
    shared_log: Log, actions: list[Action]
) -> None:
    await play(shared_log, actions)


@pytest.mark.invariant(6)
@given(actions=happenings())
@examples(100)
async def test_whoever_is_sent_events_where_it_waits_is_given_them_in_order_each_once(
    shared_log: Log, actions: list[Action]
) -> None:
    await play(shared_log, actions, WaitingClient)
