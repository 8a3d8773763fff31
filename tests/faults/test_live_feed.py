"""The live feed is at most once: whatever of it is lost, on whichever way, everybody who follows is given the whole log."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from headrace.api.streaming import hub as hub_module
from headrace.api.streaming.event_filter import read_filter
from headrace.api.streaming.follower import Follower
from headrace.api.streaming.frames import Frame
from headrace.api.streaming.hub import Hub
from headrace.contracts.events import EventName, Finished, Logged, Outcome, Progressed, encode
from headrace.contracts.positions import Position
from headrace.log.connection import Log
from headrace.log.opening import open_log
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.settings import Settings
from tests.cluster import Cluster
from tests.conftest import MakeCluster
from tests.faults.browsers import port_of
from tests.nats_frames import LossyLiveFeed
from tests.proxy import proxy_to
from tests.waiting import until

REPAIRED_SECONDS = 15.0  # after the last event, as promised
AT_ONCE = 16  # appends on their way
OWNERS = ("u1", "u2")
KINDS = ("echo", "thumbnail")
TASKS = 6
EVENTS = {
    EventName.PROGRESSED: encode(Progressed(attempt=1, fraction=0.5)),
    EventName.LOGGED: encode(Logged(attempt=1, level="info", message="a line")),
    EventName.FINISHED: encode(Finished(attempt=1, outcome=Outcome.SUCCEEDED)),
}


class Watcher:
    """Somebody who reads as fast as it can, and what it was given."""

    def __init__(self, name: str, follower: Follower, wants: Callable[[TaskSubject], bool]) -> None:
        self.name = name
        self.wants = wants
        self.seen: list[int] = []
        self._follower = follower
        self._reading = asyncio.create_task(self._read(), name=f"watch {name}")

    async def close(self) -> None:
        """Go away. Raises what it was told instead of being given events."""
        self._reading.cancel()
        await asyncio.wait({self._reading})
        self._follower.close()
        if not self._reading.cancelled():
            self._reading.result()

    async def _read(self) -> None:
        while True:
            self.seen += [frame.sequence for frame in await self._follower.next()]


class Watched:
    """A hub on a log of its own, and all sorts of clients of it."""

    def __init__(self, near: Log, hub: Hub) -> None:
        self.near = near
        self.hub = hub
        self.watchers: list[Watcher] = []
        self._rng = random.Random(1)

    async def join(self) -> None:
        """Have some more follow: an owner's everything, single tasks, and what filters let through."""
        owner = OWNERS[0]
        await self._watch("everything", owner, lambda _: True)
        await self._watch("another owner's", OWNERS[1], lambda _: True)
        await self._watch("one task", owner, lambda of: of.task == "t1", tasks=["t1"])
        await self._watch("another task", owner, lambda of: of.task == "t2", tasks=["t2"])
        await self._watch("two tasks", owner, lambda of: of.task in ("t3", "t4"), tasks=["t3", "t4"])
        await self._watch("a kind", owner, lambda of: of.kind == "echo", kinds=["echo"])
        await self._watch("an event", owner, lambda of: of.event == "finished", events=["finished"])
        await self._watch(
            "much of one kind",
            owner,
            lambda of: of.kind == "echo" and of.event != "progressed",
            kinds=["echo"],
            events=["logged", "finished"],
        )

    async def append(self, count: int) -> None:
        """Append events of all of them, several at a time."""
        some = asyncio.Semaphore(AT_ONCE)

        async def append_one(subject: str, payload: bytes) -> None:
            async with some:
                await self.near.appender.append(subject, payload, {})

        chosen = [self._rng.choice(list(EVENTS)) for _ in range(count)]
        await asyncio.gather(*(append_one(self._subject(event), EVENTS[event]) for event in chosen))

    async def all_given(self, records: Sequence[Record]) -> None:
        """Return when everybody has been given everything, in order, each once."""
        due = {
            watcher.name: (
                watcher,
                [record.sequence for record in records if self._is_for(watcher, TaskSubject.parse(record.subject))],
            )
            for watcher in self.watchers
        }
        assert all(sequences for _, sequences in due.values())
        try:
            await until(
                lambda: all(len(watcher.seen) >= len(sequences) for watcher, sequences in due.values()),
                f"all to be given { ({name: len(sequences) for name, (_, sequences) in due.items()}) } events",
                REPAIRED_SECONDS,
            )
        finally:
            for watcher in self.watchers:
                await watcher.close()
        for name, (watcher, sequences) in due.items():
            assert watcher.seen == sequences, name

    def _subject(self, event: str) -> str:
        task = self._rng.randrange(TASKS)
        owner = OWNERS[self._rng.random() < 0.2]
        return str(TaskSubject(event, KINDS[task % 2], "normal", owner, f"t{task}"))

    def _is_for(self, watcher: Watcher, of: TaskSubject) -> bool:
        return of.owner == OWNERS[watcher.name == "another owner's"] and watcher.wants(of)

    async def _watch(self, name: str, owner: str, wants: Callable[[TaskSubject], bool], **given: list[str]) -> None:
        wanted = read_filter(given.get("tasks"), None, given.get("kinds"), given.get("events"), set(KINDS))
        start = Position(self.near.epoch, 0)
        passes: Callable[[Frame], bool] | None = None if wanted.is_empty else wanted
        self.watchers.append(Watcher(name, await self.hub.follow(wanted.subject(owner), start, passes), wants))


@asynccontextmanager
async def watched(cluster: Cluster, nats_url: str) -> AsyncGenerator[Watched]:
    """A hub that reaches its log by some way, and compares what it follows with it as an API process does."""
    settings = Settings.read(cluster.environ | {"HEADRACE_NATS_URL": nats_url})
    async with open_log(settings, "far") as far:
        hub = Hub(far)
        comparing = asyncio.create_task(hub.watch())
        try:
            yield Watched(cluster.log, hub)
        finally:
            comparing.cancel()


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Feeds are compared with the log often, so that a test need not wait for it."""
    monkeypatch.setattr(hub_module, "CHECK_SECONDS", 0.05)
    monkeypatch.setattr(hub_module, "COMPARE_SECONDS", 0.3)


async def lose_some(cluster: Cluster, seed: int, rounds: int) -> None:
    """Lose a fifth of what comes live, on its way from NATS, and the last of it, after which nothing more comes."""
    losing = LossyLiveFeed(random.Random(seed), 0.2)
    async with proxy_to(port_of(cluster.nats.url), losing) as proxy, watched(cluster, proxy.url) as those:
        for _ in range(rounds):
            await those.join()
            await those.append(150)
        feeds = those.hub.feeds
        losing.share = 1.0
        before = losing.lost
        await those.append(5)
        await until(lambda: losing.lost >= before + 5, "the last events to be lost")
        losing.share = 0.0
        assert feeds > 5
        await those.all_given(await cluster.events())
        assert losing.lost > 30 * rounds


@pytest.mark.invariant(6)
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("seed", range(3))
async def test_live_events_lost_between_nats_and_the_api_reach_every_follower_all_the_same(
    make_cluster: MakeCluster, seed: int
) -> None:
    await lose_some(await make_cluster(), seed, rounds=2)


@pytest.mark.invariant(6)
@pytest.mark.slow
async def test_lost_live_events_reach_every_follower_within_fifteen_seconds(make_cluster: MakeCluster) -> None:
    await lose_some(await make_cluster(), 7, rounds=4)


@pytest.mark.invariant(6)
@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("pending", [pytest.param(300, id="most of it"), pytest.param(1, id="all of it")])
async def test_live_events_dropped_by_the_client_library_reach_every_follower_all_the_same(
    make_cluster: MakeCluster, monkeypatch: pytest.MonkeyPatch, pending: int
) -> None:
    monkeypatch.setattr("headrace.log.live.PENDING_BYTES_MAX", pending)  # bytes; 300 are hardly more than one message
    cluster = await make_cluster()
    with capture_logs() as said:
        async with watched(cluster, cluster.nats.url) as those:
            for _ in range(2):
                await those.join()
                await those.append(300)
            await those.all_given(await cluster.events())
    assert sum("slow consumer" in str(line.get("error")) for line in said) > 100
