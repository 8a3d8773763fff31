"""How a handler is tested without any server."""

from __future__ import annotations

import asyncio
import threading

import msgspec
import pytest

from headrace.testing import RecordingContext, RecordingSyncContext
from tests.unit.sdk.test_kind import Counts, Words, word_count, word_count_in_thread


async def test_a_handler_is_tested_by_calling_it() -> None:
    context = RecordingContext()
    result = await word_count(Words(text="to be or not", least=3), context)
    assert result == Counts(words=1)
    assert context.progressed == [(0.5, "counting")]
    assert context.logged == [("info", "1 words")]
    assert context.emitted == ["not"]


def test_a_plain_function_is_tested_by_calling_it() -> None:
    context = RecordingSyncContext(task_id="t1", attempt=2)
    assert word_count_in_thread(Words(text="to be"), context) == Counts(words=2)
    assert context.progressed == [(1, None)]
    assert context.logged == [("debug", "done")]
    assert context.emitted == [{"words": ["to", "be"]}]
    assert (context.task_id, context.attempt) == ("t1", 2)


async def test_a_recording_context_is_as_strict_as_a_real_one() -> None:
    for fraction in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="the fraction is from 0 to 1"):
            await RecordingContext().progress(fraction)
        with pytest.raises(ValueError, match="the fraction is from 0 to 1"):
            RecordingSyncContext().progress(fraction)
    with pytest.raises(TypeError):
        await RecordingContext().emit(threading.Lock())
    with pytest.raises(TypeError):
        RecordingSyncContext().emit(threading.Lock())
    with pytest.raises(TypeError, match="not JSON"):
        RecordingSyncContext().emit(msgspec.Raw(b"<html>"))
    with pytest.raises(TypeError):
        RecordingSyncContext().log(5)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="a level is one of debug, info, warning, error"):
        RecordingSyncContext().log("a line", "fatal")  # type: ignore[arg-type]


async def test_a_kind_is_called_like_the_function_it_is() -> None:
    calls = [asyncio.create_task(word_count(Words(text="a b"), RecordingContext())) for _ in range(2)]
    assert await asyncio.gather(*calls) == [Counts(words=2)] * 2
    assert repr(word_count) == "Kind('word_count')"
