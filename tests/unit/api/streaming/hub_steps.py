"""A hub on a real log, the network between the two, and clients that follow."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest

from headrace.api.streaming.follower import Follower
from headrace.api.streaming.hub import Feed, Hub
from headrace.contracts.events import (
    EventName,
    Logged,
    encode,
)
from headrace.contracts.positions import Position
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject, task_events
from tests.waiting import until

PATIENCE_SECONDS = 5.0

LINE = encode(Logged(attempt=1, level="info", message="x"))

_owners = itertools.count(1)


def new_owner() -> str:
    """An owner whom nothing has happened to yet."""
    return f"hub{next(_owners)}"


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
    for follower in list(hub._followers):
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


async def client_on(hub: Hub, log: Log, owner: str) -> Client:
    """A client that has everything there is."""
    after = Position(log.epoch, (await log.refresh()).last_sequence)
    client = Client(task_events(owner), after, await hub.follow(task_events(owner), after))
    assert not await client.read()
    return client


def subject_of(owner: str, event: EventName = EventName.LOGGED, task: str = "t") -> str:
    return str(TaskSubject(event, "echo", "normal", owner, task))
