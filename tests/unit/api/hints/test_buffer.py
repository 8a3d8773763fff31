"""The hints that wait for a stream: never more than one of each subject, never more often than a browser draws."""

from __future__ import annotations

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.api.hints import buffer as buffer_module
from headrace.api.hints.buffer import WAITING_MAX, Hint, HintBuffer
from tests.examples import examples


def hint(key: str, number: int, name: str = "counted") -> Hint:
    return Hint(name, key, b"%s=%d;" % (key.encode(), number), kind="echo", batch=key)


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.integers(0, 99)), max_size=40))
@examples(50)
def test_of_each_subject_the_newest_waits_in_the_order_in_which_they_came(told: list[tuple[str, int]]) -> None:
    async def run() -> None:
        waiting = HintBuffer(lambda: None)
        for key, number in told:
            waiting.put(hint(key, number))
        newest = {key: number for key, number in told}  # noqa: C416 - the later one wins
        order = sorted(newest, key=lambda key: max(at for at, each in enumerate(told) if each[0] == key))
        assert waiting.take() == b"".join(hint(key, newest[key]).encoded for key in order)
        assert waiting.take() == b""
        waiting.close()

    asyncio.run(run())


async def test_a_client_that_takes_nothing_has_a_bounded_number_of_hints_that_wait() -> None:
    waiting = HintBuffer(lambda: None)
    for number in range(10 * WAITING_MAX):
        waiting.put(hint(f"k{number}", number))
    assert len(waiting) == WAITING_MAX
    assert waiting.take().startswith(b"k%d=" % (9 * WAITING_MAX))
    waiting.close()


async def test_however_many_hints_wait_the_counts_and_the_newest_of_each_are_among_them() -> None:
    waiting = HintBuffer(lambda: None)
    for number in range(3):
        waiting.put(hint("counts", number, "counts"), is_current=True)
        for batch in range(number * WAITING_MAX, (number + 2) * WAITING_MAX):
            waiting.put(hint(f"batch {batch}", number))
    taken = waiting.take()
    assert taken.count(b";") == WAITING_MAX
    assert taken.startswith(b"counts=2;")
    assert taken.endswith(b"batch %d=2;" % (4 * WAITING_MAX - 1))
    waiting.close()


async def test_hints_are_taken_at_most_four_times_a_second_and_the_newest_always_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(buffer_module, "PAUSE_SECONDS", 0.05)
    loop = asyncio.get_running_loop()
    woken = asyncio.Event()
    waiting = HintBuffer(woken.set)
    taken: list[tuple[float, bytes]] = []
    for number in range(30):
        waiting.put(hint("counts", number))
        await asyncio.sleep(0.005)
        if chunk := waiting.take():
            taken.append((loop.time(), chunk))
    woken.clear()
    if len(waiting):
        await woken.wait()
        taken.append((loop.time(), waiting.take()))
    times = [at for at, _ in taken]
    assert all(later - earlier >= 0.045 for earlier, later in itertools.pairwise(times))
    assert taken[-1][1] == hint("counts", 29).encoded
    waiting.close()


async def test_a_hint_that_is_not_wanted_does_not_wait() -> None:
    waiting = HintBuffer(lambda: None, lambda name, kind, batch: (name, kind, batch) == ("settled", "echo", "b1"))
    for key, name in (("b1", "counted"), ("b2", "settled"), ("b1", "settled")):
        waiting.put(hint(key, 1, name))
    assert waiting.take() == hint("b1", 1).encoded
    waiting.close()


async def test_a_buffer_that_is_closed_wakes_nobody_and_is_left_by_its_sources() -> None:
    woken: list[int] = []
    left: list[int] = []
    waiting = HintBuffer(lambda: woken.append(1))
    waiting.on_close(lambda: left.append(1))
    waiting.put(hint("b1", 1))
    waiting.close()
    await asyncio.sleep(0)
    assert (woken, left) == ([], [1])
