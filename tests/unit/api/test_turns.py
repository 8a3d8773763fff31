from __future__ import annotations

import asyncio

import pytest

from headrace.api.turns import Turns
from headrace.errors import TooManyDeletions


async def test_so_many_have_a_turn_at_a_time_so_many_wait_and_the_others_come_back() -> None:
    turns, end, having = Turns(2, 3, lambda: TooManyDeletions("later")), asyncio.Event(), []

    async def have(number: int) -> None:
        async with turns.take():
            having.append(number)
            await end.wait()

    tasks = [asyncio.create_task(have(number)) for number in range(3)]
    await asyncio.sleep(0)
    assert having == [0, 1]
    with pytest.raises(TooManyDeletions) as refused:
        await have(3)
    assert refused.value.retry_after
    tasks[0].cancel()
    await asyncio.wait(tasks[:1])
    end.set()
    await asyncio.gather(*tasks[1:])
    assert having == [0, 1, 2]
    await have(4)


async def test_who_waits_too_long_for_a_turn_comes_back_and_takes_none_from_others() -> None:
    turns = Turns(1, 3, lambda: TooManyDeletions("later"), patience=0.01)
    async with turns.take():
        for _ in range(5):
            with pytest.raises(TooManyDeletions):
                async with turns.take():
                    pytest.fail("it was somebody else's turn")
    async with turns.take():
        pass
