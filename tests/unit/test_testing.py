"""How a handler is tested without any server."""

from __future__ import annotations

import asyncio
import gc
import threading
from collections.abc import AsyncIterator
from typing import Any, cast

import msgspec
import pytest

from headrace.task import FileMissing
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


async def test_files_are_opened_and_saved_in_a_directory_that_goes_with_the_context() -> None:
    context = RecordingContext()
    source = context.files.add("source.txt", b"one two", "text/plain")
    opened = await context.open(source)
    assert await opened.read() == b"one two" == b"".join([chunk async for chunk in opened])
    path = await opened.path()
    assert (path.suffix, path.read_bytes()) == (".txt", b"one two")

    async def chunks() -> AsyncIterator[bytes]:
        yield b"three"
        yield b" four"

    first = await context.save("result.txt", chunks(), "text/plain")
    second = await context.save("result.txt", path, "text/plain")
    assert (first.size, second.size, context.files.saved) == (10, 7, [second])
    assert context.files.read("result.txt") == b"one two"
    with pytest.raises(ValueError, match="has no '/'"):
        await context.save("a/b", b"", "text/plain")
    with pytest.raises(FileMissing):
        await context.open("no-such")
    directory = path.parent
    del context, opened
    gc.collect()
    assert not directory.exists()


def test_a_plain_function_opens_and_saves_files() -> None:
    context = RecordingSyncContext(task_id="t1")
    opened = context.open(context.files.add("source.bin", b"12", "application/octet-stream"))
    saved = context.save("copy.bin", iter(opened), opened.media_type)
    assert (saved.size, saved.sha256, saved.task) == (2, opened.sha256, "t1")
    with pytest.raises(TypeError, match="made of chunks of bytes, not of str"):
        context.save("copy.bin", cast("Any", ["text"]), "text/plain")
