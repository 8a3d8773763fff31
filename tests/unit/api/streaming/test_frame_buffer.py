from __future__ import annotations

from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from headrace.api.streaming import frame_buffer as buffer_module
from headrace.api.streaming.frame_buffer import FrameBuffer
from headrace.api.streaming.frames import Frame
from tests.examples import examples

FRAMES_MAX, BYTES_MAX, TRIM_FRAMES, CHUNK_FRAMES, CHUNK_BYTES = 8, 60, 3, 3, 20


def frame(sequence: int, size: int = 1) -> Frame:
    return Frame(sequence, "logged", b"x" * size, "t", "echo", None, 0.0)


class Extension(NamedTuple):
    """What comes next: how far each event is from the one before and its bytes, and how far nothing comes after the last."""

    events: list[tuple[int, int]]
    quiet: int


extensions = st.lists(
    st.builds(
        Extension,
        st.lists(st.tuples(st.integers(1, 4), st.one_of(st.integers(1, 12), st.just(BYTES_MAX + 1))), max_size=14),
        st.integers(0, 3),
    ),
    max_size=12,
)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("FRAMES_MAX", "BYTES_MAX", "TRIM_FRAMES", "CHUNK_FRAMES", "CHUNK_BYTES"):
        monkeypatch.setattr(buffer_module, name, globals()[name])


def size_of(frames: list[Frame]) -> int:
    return sum(len(each.encoded) for each in frames)


@pytest.mark.invariant(6)
@given(floor=st.integers(0, 50), history=extensions)
@examples(120)
def test_it_gives_what_a_list_of_everything_would_from_its_floor_on_and_stays_within_its_bounds(
    floor: int, history: list[Extension]
) -> None:
    buffer = FrameBuffer(floor)
    everything: list[Frame] = []
    complete = floor
    for events, quiet in history:
        added: list[Frame] = []
        for distance, size in events:
            complete += distance
            added.append(frame(complete, size))
        complete += quiet
        everything += added
        before = buffer.floor
        buffer.extend(added, complete)

        assert buffer.complete_through == complete
        assert before <= buffer.floor <= complete
        kept = buffer.all_after(buffer.floor)
        assert len(kept) <= FRAMES_MAX + TRIM_FRAMES
        assert size_of(kept) <= BYTES_MAX or len(kept) == 1
        if everything:
            assert kept, "the newest is always there"
        for sequence in range(buffer.floor, complete + 2):
            expected = [each for each in everything if each.sequence > sequence]
            assert buffer.all_after(sequence) == expected
            given_out = buffer.after(sequence)
            assert given_out == expected[: len(given_out)]
            assert bool(given_out) == bool(expected)
            assert len(given_out) <= CHUNK_FRAMES
            assert size_of(given_out[:-1]) <= CHUNK_BYTES


@pytest.mark.invariant(6)
@given(history=extensions)
@settings(derandomize=True, deadline=None)
def test_who_reads_chunk_by_chunk_is_given_each_once(history: list[Extension]) -> None:
    buffer, sequence = FrameBuffer(0), 0
    for events, quiet in history:
        added: list[Frame] = []
        for distance, size in events:
            sequence += distance
            added.append(frame(sequence, size))
        sequence += quiet
        buffer.extend(added, sequence)
        expected, seen, at = buffer.all_after(buffer.floor), [], buffer.floor
        while chunk := buffer.after(at):
            seen += chunk
            at = chunk[-1].sequence
        assert seen == expected


def test_nothing_is_taken_away_until_there_is_more_than_a_trim_too_much() -> None:
    buffer = FrameBuffer(0)
    for sequence in range(1, FRAMES_MAX + TRIM_FRAMES + 1):
        buffer.extend([frame(sequence)], sequence)
    assert buffer.floor == 0
    buffer.extend([frame(sequence + 1)], sequence + 1)
    assert len(buffer.all_after(buffer.floor)) == FRAMES_MAX
    assert buffer.floor == sequence + 1 - FRAMES_MAX


def test_the_newest_stays_however_large_it_is_and_is_given_out() -> None:
    buffer = FrameBuffer(0)
    buffer.extend([frame(1), frame(2, 10 * BYTES_MAX)], 2)
    assert [each.sequence for each in buffer.after(buffer.floor)] == [2]
    buffer.extend([frame(3)], 3)
    assert [each.sequence for each in buffer.after(buffer.floor)] == [3]


@pytest.mark.invariant(6)
def test_what_is_known_to_be_complete_never_goes_back() -> None:
    buffer = FrameBuffer(5)
    buffer.extend([], 9)
    buffer.extend([], 7)
    assert (buffer.floor, buffer.complete_through) == (5, 9)
    assert buffer.after(9) == []
