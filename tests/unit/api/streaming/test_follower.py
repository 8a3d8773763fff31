"""How a follower waits, and what a slow client misses: progress that later progress has overtaken, and then the rest."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.api.streaming import follower as follower_module
from headrace.api.streaming import frame_buffer as buffer_module
from headrace.api.streaming.follower import Follower
from headrace.api.streaming.frames import Frame
from headrace.api.streaming.hub import Hub
from headrace.contracts.events import Emitted, EventName, Logged, Progressed, encode
from headrace.contracts.positions import Position
from headrace.log.connection import Log
from headrace.log.subjects import TaskSubject, task_events
from tests.examples import examples
from tests.unit.api.streaming.hub_steps import LINE, PATIENCE_SECONDS, client_on, hub_on, new_owner, subject_of
from tests.waiting import until

WAITING_FRAMES_MAX = 6
WAITING_BYTES_MAX = 4000
LARGE = "x" * 1500

_owners = itertools.count(1)

PAYLOADS = {
    EventName.PROGRESSED: encode(Progressed(attempt=1, fraction=0.5)),
    EventName.LOGGED: encode(Logged(attempt=1, level="info", message="x")),
    EventName.EMITTED: encode(Emitted(attempt=1, chunks=[LARGE])),
}

Happening = tuple[EventName, str]  # what, and to which task


class Slow:
    """A follower of an owner's events that has not come for any of them yet."""

    def __init__(self, log: Log, hub: Hub, follower: Follower, owner: str) -> None:
        self.log = log
        self.hub = hub
        self.follower = follower
        self.owner = owner

    async def happens(self, *happenings: Happening, kind: str = "echo") -> list[int]:
        """Have things happen and arrive, while it is not there; their sequences."""
        sequences: list[int] = []
        for event, task in happenings:
            subject = str(TaskSubject(event, kind, "normal", self.owner, task))
            sequences.append((await self.log.appender.append(subject, PAYLOADS[event], {})).sequence)
        (feed,) = self.hub._feeds.values()
        await until(lambda: feed.buffer.complete_through >= sequences[-1], "the events to arrive")
        return sequences

    async def takes(self) -> list[int]:
        """What it is given when it comes at last."""
        frames: list[Frame] = []
        while not self.follower.caught_up:
            frames += await self.follower.next(0.0)
        return [frame.sequence for frame in frames]


@asynccontextmanager
async def slow_on(log: Log, wanted: Callable[[Frame], bool] | None = None) -> AsyncGenerator[Slow]:
    owner = f"slow{next(_owners)}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(follower_module, "WAITING_FRAMES_MAX", WAITING_FRAMES_MAX)
        patch.setattr(follower_module, "WAITING_BYTES_MAX", WAITING_BYTES_MAX)
        async with hub_on(log) as hub:
            after = Position(log.epoch, (await log.refresh()).last_sequence)
            follower = await hub.follow(task_events(owner), after, wanted)
            assert await follower.next(0.0) == []  # it has come as far as there is
            yield Slow(log, hub, follower, owner)


def progress(task: str, times: int = 1) -> list[Happening]:
    return [(EventName.PROGRESSED, task)] * times


def lines(task: str, times: int = 1) -> list[Happening]:
    return [(EventName.LOGGED, task)] * times


async def test_waiting_in_vain_gives_nothing(shared_log: Log) -> None:
    async with hub_on(shared_log) as hub:
        client = await client_on(hub, shared_log, new_owner())
        assert await client.follower.next(0.05) == []


async def test_whoever_waits_is_woken_by_the_next_event(shared_log: Log) -> None:
    owner = new_owner()
    async with hub_on(shared_log) as hub:
        client = await client_on(hub, shared_log, owner)
        waiting = asyncio.create_task(client.follower.next(PATIENCE_SECONDS))
        await asyncio.sleep(0)
        appended = await shared_log.appender.append(subject_of(owner), LINE, {})
        assert [frame.sequence for frame in await waiting] == [appended.sequence]


@pytest.mark.invariant(6)
async def test_nothing_is_left_out_while_little_waits(shared_log: Log) -> None:
    async with slow_on(shared_log) as slow:
        happened = await slow.happens(*progress("a", WAITING_FRAMES_MAX))
        assert slow.follower.thin_out()
        assert await slow.takes() == happened


async def test_of_the_progress_of_a_task_only_the_latest_is_left_when_much_waits(shared_log: Log) -> None:
    async with slow_on(shared_log) as slow:
        happened = await slow.happens(*progress("a", 50))
        assert slow.follower.thin_out()
        assert await slow.takes() == happened[-1:]


@pytest.mark.invariant(6)
async def test_each_task_keeps_its_latest_progress_and_everything_that_is_no_progress(shared_log: Log) -> None:
    async with slow_on(shared_log) as slow:
        happened = await slow.happens(
            *progress("a"), *lines("a"), *progress("b"), *progress("a"), *lines("b"), *progress("b"), *progress("a")
        )
        assert slow.follower.thin_out()
        assert await slow.takes() == [happened[n] for n in (1, 4, 5, 6)]


@pytest.mark.invariant(6)
@given(
    happenings=st.lists(
        st.tuples(st.sampled_from([EventName.PROGRESSED, EventName.LOGGED]), st.sampled_from("abc")),
        min_size=1,
        max_size=20,
    )
)
@examples(25)
async def test_whatever_happens_what_is_left_out_is_overtaken_progress_and_it_ends_when_the_rest_is_too_much(
    shared_log: Log, happenings: list[Happening]
) -> None:
    async with slow_on(shared_log) as slow:
        happened = await slow.happens(*happenings)
        left: list[int] = []
        for n, happening in enumerate(happenings):
            if happening[0] != EventName.PROGRESSED or happening not in happenings[n + 1 :]:
                left.append(happened[n])
        much = len(happenings) > WAITING_FRAMES_MAX
        assert slow.follower.thin_out() == (not much or len(left) <= WAITING_FRAMES_MAX)
        assert await slow.takes() == (left if much else happened)


async def test_it_says_to_end_when_more_waits_than_can_be_left_out(shared_log: Log) -> None:
    async with slow_on(shared_log) as slow:
        await slow.happens(*lines("a", WAITING_FRAMES_MAX), *progress("a"))
        assert not slow.follower.thin_out()


async def test_bytes_count_as_events_do(shared_log: Log) -> None:
    async with slow_on(shared_log) as slow:
        first, second, _ = await slow.happens((EventName.EMITTED, "a"), (EventName.EMITTED, "a"), *progress("a"))
        assert slow.follower.thin_out()
        third = await slow.happens((EventName.EMITTED, "a"))
        assert not slow.follower.thin_out()
        assert {first, second, *third} <= set(await slow.takes()), "what it is given until it ends is whole"


@pytest.mark.invariant(6)
async def test_who_has_ended_resumes_from_its_cursor_and_misses_no_more_than_that_progress(shared_log: Log) -> None:
    async with slow_on(shared_log) as slow:
        taken = await slow.happens(*lines("a"))
        assert await slow.takes() == taken
        missed = await slow.happens(*lines("a", WAITING_FRAMES_MAX + 1))
        assert not slow.follower.thin_out()
        again = await slow.hub.follow(task_events(slow.owner), slow.follower.position)
        assert [frame.sequence for frame in await again.next(1.0)] == missed


async def test_progress_that_comes_after_it_has_caught_up_is_given_to_it_again(shared_log: Log) -> None:
    async with slow_on(shared_log) as slow:
        await slow.happens(*progress("a", 20))
        slow.follower.thin_out()
        await slow.takes()
        happened = await slow.happens(*progress("a", 3))
        assert await slow.takes() == happened


@pytest.mark.invariant(6)
async def test_one_slow_client_takes_nothing_from_another_of_the_same_feed(shared_log: Log) -> None:
    async with slow_on(shared_log) as slow:
        other = await slow.hub.follow(task_events(slow.owner), slow.follower.position)
        happened = await slow.happens(*progress("a", 20))
        assert slow.follower.thin_out()
        assert [frame.sequence for frame in await other.next(0.0)] == happened


@pytest.mark.invariant(6)
async def test_who_reads_history_is_never_told_to_end(shared_log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(buffer_module, "FRAMES_MAX", 3)
    monkeypatch.setattr(buffer_module, "TRIM_FRAMES", 0)
    async with slow_on(shared_log) as slow:
        before = slow.follower.position
        happened = await slow.happens(*lines("a", 3 * WAITING_FRAMES_MAX))
        history = await slow.hub.follow(task_events(slow.owner), before)
        assert not history.in_memory
        assert history.thin_out()
        seen = [frame.sequence for frame in await history.next(1.0)]
        assert seen == happened[: len(seen)]
        assert history.thin_out()


async def test_who_was_live_and_has_fallen_out_of_what_is_in_memory_is_told_to_end(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buffer_module, "FRAMES_MAX", 3)
    monkeypatch.setattr(buffer_module, "TRIM_FRAMES", 0)
    async with slow_on(shared_log) as slow:
        await slow.happens(*lines("a", 5))
        assert not slow.follower.in_memory
        assert not slow.follower.thin_out()


async def test_what_it_does_not_want_does_not_count(shared_log: Log) -> None:
    async with slow_on(shared_log, lambda frame: frame.kind == "echo") as slow:
        await slow.happens(*lines("a", 2 * WAITING_FRAMES_MAX), kind="noop")
        wanted = await slow.happens(*lines("a", 2))
        assert slow.follower.thin_out()
        assert await slow.takes() == wanted
