"""What is new reaches all who follow: once, in order, at once when few follow, and within the pause when many do."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.api.streaming import fan_out as fan_out_module
from headrace.api.streaming.fan_out import MANY, PAUSE_SECONDS, FanOut, News
from headrace.api.streaming.frame_buffer import CHUNK_BYTES, CHUNK_FRAMES
from headrace.api.streaming.frames import Frame
from headrace.api.streaming.metrics import StreamMetrics
from headrace.contracts.positions import Position
from tests.examples import examples

EPOCH = 1700
START = Position(EPOCH, 10)


class Told:
    """A feed with this many listeners, and what the first of them was told."""

    def __init__(self, listeners: int) -> None:
        self.metrics = StreamMetrics()
        self.fan_out = FanOut(self.metrics)
        self.news: list[News] = []
        self.wakes = 0
        self.position = START
        self.fan_out.join(self._on_news)
        for _ in range(listeners - 1):
            # Each of them is a listener of its own.
            self.fan_out.join(lambda news: bool(news and news.frames))

    def _on_news(self, news: News | None) -> bool:
        if news is None:
            self.wakes += 1
            return False
        self.news.append(news)
        return bool(news.frames)

    def tell(self, *encoded: bytes) -> None:
        after = self.position
        self.position = after._replace(sequence=after.sequence + max(1, len(encoded)))
        self.fan_out.tell(frames_of(after, encoded), after, self.position)

    @property
    def bodies(self) -> list[bytes]:
        return [news.message["body"] for news in self.news]


def frames_of(after: Position, encoded: Sequence[bytes]) -> list[Frame]:
    return [
        Frame(after.sequence + count, "logged", each, "t", "echo", None, 0.0) for count, each in enumerate(encoded, 1)
    ]


async def test_a_few_are_told_every_event_at_once() -> None:
    told = Told(MANY - 1)
    for number in range(20):
        told.tell(b"%d" % number)
        assert told.bodies[-1] == b"%d" % number
    assert told.metrics.events_out == 20 * (MANY - 1)
    assert told.metrics.delays.count == 20 * (MANY - 1)


async def test_many_are_told_the_first_event_at_once_and_what_follows_it_together_when_the_pause_is_over() -> None:
    told, loop = Told(MANY), asyncio.get_running_loop()
    told.tell(b"1")
    assert told.bodies == [b"1"]
    before = loop.time()
    told.tell(b"2")
    told.tell()
    told.tell(b"3", b"4")
    assert told.bodies == [b"1"]
    assert told.fan_out._pause is not None
    assert told.fan_out._pause.when() - before <= PAUSE_SECONDS
    await over(told)
    assert told.bodies == [b"1", b"234"]
    assert told.metrics.events_out == 4 * MANY
    assert told.metrics.delays.count == 2 * MANY


async def test_after_a_pause_without_an_event_the_next_one_does_not_wait() -> None:
    told = Told(MANY)
    told.tell(b"1")
    await over(told)
    told.tell(b"2")
    assert told.bodies == [b"1", b"2"]


@pytest.mark.invariant(6)
@pytest.mark.parametrize("encoded", [[b"x"] * CHUNK_FRAMES, [b"x" * (CHUNK_BYTES + 1)]], ids=["events", "bytes"])
@pytest.mark.parametrize("pauses", [False, True])
async def test_who_would_be_told_too_much_at_a_time_reads_it_instead(encoded: list[bytes], pauses: bool) -> None:
    told = Told(MANY)
    if pauses:
        told.tell(b"0")
        told.tell(b"1")
    before = len(told.news)
    told.tell(*encoded)
    assert told.wakes == 1
    await over(told)
    # What was waiting is not told again to those who have read it.
    assert (len(told.news), told.wakes) == (before, 1)
    told.tell(b"2")
    assert told.bodies[-1] == b"2"


@pytest.mark.invariant(6)
async def test_what_was_not_told_yet_is_forgotten_when_all_read_the_feed() -> None:
    told = Told(MANY)
    told.tell(b"1")
    told.tell(b"2")
    told.fan_out.wake()
    assert told.wakes == 1
    await over(told)
    assert told.bodies == [b"1"]


@pytest.mark.invariant(6)
@given(
    listeners=st.sampled_from([1, MANY, MANY + 1]),
    steps=st.lists(st.one_of(st.integers(0, 4), st.just("wait"), st.just("wake")), max_size=30),
)
@examples(100)
async def test_news_stand_in_order_and_none_is_told_twice(listeners: int, steps: list[int | str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fan_out_module, "PAUSE_SECONDS", 0.0005)
        told = Told(listeners)
        read = START
        for step in steps:
            if isinstance(step, int):
                told.tell(*[b"x"] * step)
            elif step == "wait":
                await over(told)
            else:
                told.fan_out.wake()
        await over(told)
    for news in told.news:
        assert read <= news.after <= news.position <= told.position
        sequences = [frame.sequence for frame in news.frames]
        assert sequences == sorted(set(sequences))
        assert all(news.after.sequence < each <= news.position.sequence for each in sequences)
        # Only what everybody was woken to read is missing between two news.
        assert news.after == read or "wake" in steps
        read = news.position
    if "wake" not in steps:
        assert read == told.position
        assert b"".join(told.bodies) == b"x" * sum(step for step in steps if isinstance(step, int))


async def over(told: Told) -> None:
    """Return when nothing waits for the end of a pause any more."""
    while told.fan_out._pause is not None:
        await asyncio.sleep(0)
