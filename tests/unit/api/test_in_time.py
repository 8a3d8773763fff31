"""What a request waits for the log in all."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import cast

import pytest

from headrace.api.in_time import InTime
from headrace.errors import LogUnavailable
from headrace.log.connection import Log


def answering_within(append_timeout: float) -> Log:
    return cast("Log", SimpleNamespace(settings=SimpleNamespace(append_timeout=append_timeout)))


async def test_questions_that_take_too_long_together_end_as_a_log_that_does_not_answer() -> None:
    answered = 0

    async def ask() -> None:
        nonlocal answered
        async with InTime(answering_within(0.05)):
            while True:
                await asyncio.sleep(0.02)
                answered += 1

    with pytest.raises(LogUnavailable, match=r"did not answer within 0\.1 s"):
        await ask()
    assert answered < 10


async def test_what_is_answered_in_time_is_left_alone() -> None:
    async with InTime(answering_within(5)):
        await asyncio.sleep(0)
    with pytest.raises(ValueError, match="of the block"):
        async with InTime(answering_within(5)):
            raise ValueError("of the block")


async def test_a_block_that_somebody_else_ends_is_not_taken_for_late() -> None:
    begun = asyncio.Event()

    async def wait() -> None:
        async with InTime(answering_within(5)):
            begun.set()
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await begun.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_a_timeout_of_the_block_itself_is_not_taken_for_that_of_the_request() -> None:
    with pytest.raises(TimeoutError):
        async with InTime(answering_within(5)):
            raise TimeoutError
