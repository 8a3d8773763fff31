from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta, tzinfo
from decimal import Decimal
from fractions import Fraction
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.events import Emitted, Event, EventName, Logged, Progressed, decode, encode
from headrace.errors import LogUnavailable
from headrace.worker import context as worker_context
from headrace.worker.attempt_files import AttemptFiles
from headrace.worker.context import (
    EMIT_BYTES_MAX,
    EMIT_INTERVAL_SECONDS,
    LINE_CHARS_MAX,
    PROGRESS_INTERVAL_SECONDS,
    ExecutionContext,
)
from headrace.worker.event_writer import EventWriter
from headrace.worker.execution import Execution
from headrace.worker.kept_output import KeptOutput
from headrace.worker.thread_context import ThreadContext
from tests.examples import examples
from tests.waiting import WAIT_SECONDS, until


class Log:
    """What reached the log, as it would stand there; `gate` holds appends back."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.away = False
        self.refused = 0
        self.appending = 0
        self.only_on: asyncio.AbstractEventLoop | None = None

    async def append_nowait(self, _: Execution, name: EventName, event: Event) -> None:
        if self.away:
            self.refused += 1
            raise LogUnavailable("away")
        self._take(name, event)

    async def append(self, _: Execution, name: EventName, event: Event) -> None:
        self.appending += 1
        assert self.appending == 1, "appends of one run overlap"
        await self.gate.wait()
        self._take(name, event)
        self.appending -= 1

    def _take(self, name: EventName, event: Event) -> None:
        assert self.only_on in (None, asyncio.get_running_loop()), (
            "the connection of the log belongs to another event loop"
        )
        read = decode(encode(event))
        assert read.__struct_config__.tag == name
        self.events.append(read)

    def of(self, type_: type[Any]) -> list[Any]:
        return [event for event in self.events if isinstance(event, type_)]

    @property
    def fractions(self) -> list[float]:
        return [event.fraction for event in self.of(Progressed)]

    @property
    def chunks(self) -> list[Any]:
        return [chunk for event in self.of(Emitted) for chunk in event.chunks]


def context_on(log: Log, attempt: int = 2) -> ExecutionContext:
    execution = SimpleNamespace(subject=SimpleNamespace(task="t1"), queued=SimpleNamespace(attempt=attempt))
    files = SimpleNamespace(has_store=False)
    kept = KeptOutput(cast("AttemptFiles", files), attempt=attempt, fence=0, has_lost=False)
    return ExecutionContext(cast("Execution", execution), cast("EventWriter", log), cast("AttemptFiles", files), kept)


def at_most(elapsed: float, interval: float) -> int:
    """How many events fit into a time, one at its beginning and one at its end besides."""
    return int(elapsed / interval) + 2


async def test_a_handler_knows_its_task_and_its_attempt() -> None:
    context = context_on(Log(), attempt=3)
    assert (context.task_id, context.attempt) == ("t1", 3)
    in_thread = ThreadContext(context, asyncio.get_running_loop())
    assert (in_thread.task_id, in_thread.attempt) == ("t1", 3)


async def test_a_handler_may_speak_on_another_event_loop_than_that_of_its_worker() -> None:
    log, here = Log(), asyncio.get_running_loop()
    log.only_on = here
    context = context_on(log)

    async def say() -> None:
        await context.log("a line")
        await context.progress(0.5)
        await context.emit("a chunk")
        await context.emit("another")

    await asyncio.to_thread(asyncio.run, say())
    await context.close()
    assert log.of(Logged)[0].message == "a line"
    assert log.fractions == [0.5]
    assert log.chunks == ["a chunk", "another"]


async def test_the_first_progress_is_sent_at_once() -> None:
    log = Log()
    context = context_on(log)
    await context.progress(0.25, "a quarter")
    await until(lambda: log.events, "the progress")
    assert log.events == [Progressed(attempt=2, fraction=0.25, message="a quarter")]
    await context.close()
    assert len(log.events) == 1


async def test_of_much_progress_little_is_sent_and_the_last_always() -> None:
    log = Log()
    context = context_on(log)
    began = time.monotonic()
    last = 0.0
    while time.monotonic() - began < 2.2 * PROGRESS_INTERVAL_SECONDS:
        last = min(1.0, last + 1e-6)
        await context.progress(last)
        await asyncio.sleep(0)
    elapsed = time.monotonic() - began
    await context.close()
    assert log.fractions[-1] == last
    assert log.fractions == sorted(log.fractions)
    assert 2 <= len(log.fractions) <= at_most(elapsed, PROGRESS_INTERVAL_SECONDS)


async def test_the_last_progress_is_sent_when_the_interval_is_over_though_the_handler_goes_on() -> None:
    log = Log()
    context = context_on(log)
    for fraction in (0.1, 0.2, 0.3):
        await context.progress(fraction)
    await until(lambda: log.fractions and log.fractions[-1] == 0.3, "the last progress")
    assert len(log.fractions) <= 2
    await context.close()


async def test_progress_that_cannot_be_told_is_dropped_and_the_next_says_more() -> None:
    log = Log()
    context = context_on(log)
    log.away = True
    await context.progress(0.1)
    await until(lambda: log.refused, "the first to be tried")
    log.away = False
    await context.progress(0.9)
    await context.close()
    assert log.fractions == [0.9]


async def test_nothing_is_said_after_the_end() -> None:
    log = Log()
    context = context_on(log)
    await context.close()
    await context.progress(0.5)  # said by a thread that goes on, to nobody
    for say in (context.log("still here"), context.emit(1)):
        with pytest.raises(RuntimeError, match="the task has ended"):
            await say
    await context.close()
    assert log.events == []


@pytest.mark.parametrize("fraction", [-0.01, 1.01, float("nan"), float("inf")])
async def test_a_fraction_that_is_none_is_refused_where_it_is_said(fraction: float) -> None:
    log = Log()
    context = context_on(log)
    with pytest.raises(ValueError, match="the fraction is from 0 to 1"):
        await context.progress(fraction)
    with pytest.raises(ValueError, match="the fraction is from 0 to 1"):
        await asyncio.to_thread(_thread(context).progress, fraction)
    await context.close()
    assert log.events == []


async def test_what_is_too_long_to_read_is_cut() -> None:
    log = Log()
    context = context_on(log)
    await context.log("x" * (LINE_CHARS_MAX + 1), level="error")
    await context.log("y" * LINE_CHARS_MAX)
    await context.progress(1, "z" * (LINE_CHARS_MAX + 1))
    await context.close()
    cut, whole = log.of(Logged)
    assert (len(cut.message), cut.message[-1], cut.level) == (LINE_CHARS_MAX, "…", "error")
    assert whole.message == "y" * LINE_CHARS_MAX
    assert len(log.of(Progressed)[0].message) == LINE_CHARS_MAX


@pytest.mark.parametrize("fraction", [True, 1, Decimal("0.5"), Fraction(1, 2)])
async def test_a_fraction_may_be_a_number_of_any_type(fraction: Any) -> None:
    log = Log()
    context = context_on(log)
    await context.progress(fraction)
    await context.close()
    assert log.fractions == [float(fraction)]


@pytest.mark.parametrize(
    "say",
    [
        lambda context: context.progress("0.5"),
        lambda context: context.progress(None),
        lambda context: context.progress(0.5, 5),
        lambda context: context.log(None),
        lambda context: context.log("a line", "fatal"),
        lambda context: context.emit(msgspec.Raw(b"<html>")),
        lambda context: context.emit([msgspec.Raw(b'"caf\xe9"')]),
    ],
)
async def test_what_its_readers_could_not_read_is_refused_where_it_is_said(say: Callable[[Any], Any]) -> None:
    log = Log()
    context = context_on(log)
    with pytest.raises((TypeError, ValueError)):
        await say(context)
    in_thread = ThreadContext(context, asyncio.get_running_loop())
    with pytest.raises((TypeError, ValueError)):
        await asyncio.to_thread(say, in_thread)
    await context.emit("after")
    await context.close()
    assert log.events == [Emitted(attempt=2, chunks=["after"])]


async def test_the_code_of_a_chunk_runs_in_the_thread_of_its_handler() -> None:
    class Zone(tzinfo):
        def utcoffset(self, dt: datetime | None) -> timedelta:
            raise SystemExit(threading.get_ident())

    in_thread = ThreadContext(context_on(Log()), asyncio.get_running_loop())
    with pytest.raises(SystemExit) as caught:
        await asyncio.to_thread(_raised_by, in_thread.emit, datetime(2026, 1, 1, tzinfo=Zone()))
    assert caught.value.code != threading.get_ident()


def _raised_by(emit: Callable[[object], None], chunk: object) -> None:
    emit(chunk)


async def test_a_line_is_in_the_log_when_the_call_returns() -> None:
    log = Log()
    context = context_on(log)
    log.gate.clear()
    saying = asyncio.create_task(context.log("hello"))
    await asyncio.sleep(0)
    assert not saying.done()
    log.gate.set()
    await saying
    assert log.of(Logged) == [Logged(attempt=2, level="info", message="hello")]


@given(
    chunks=st.lists(
        st.tuples(st.recursive(st.none() | st.integers(-9, 9) | st.text(max_size=5), st.lists), st.integers(0, 3)),
        max_size=40,
    )
)
@examples(15)
async def test_chunks_are_merged_in_order_and_none_is_lost(chunks: list[tuple[Any, int]]) -> None:
    log = Log()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker_context, "EMIT_INTERVAL_SECONDS", 0.001)
        context = context_on(log)
        for chunk, pauses in chunks:
            await context.emit(chunk)
            for _ in range(pauses):
                await asyncio.sleep(0.0005 * (pauses - 1))
        await context.close()
    written = [json_of(chunk) for chunk, _ in chunks]
    assert [json_of(chunk) for chunk in log.chunks] == written
    assert len(log.of(Emitted)) <= len(chunks)


async def test_chunks_are_sent_at_a_bounded_rate() -> None:
    log = Log()
    context = context_on(log)
    began = time.monotonic()
    said = 0
    while time.monotonic() - began < 4.5 * EMIT_INTERVAL_SECONDS:
        await context.emit(said)
        said += 1
        await asyncio.sleep(0)
    elapsed = time.monotonic() - began
    await context.close()
    assert log.chunks == list(range(said))
    assert 3 <= len(log.of(Emitted)) <= at_most(elapsed, EMIT_INTERVAL_SECONDS) + 1


async def test_a_chunk_is_what_it_was_when_it_was_emitted() -> None:
    log = Log()
    context = context_on(log)
    rows = [1]
    await context.emit(rows)
    rows.append(2)
    await context.emit(rows)
    rows.clear()
    await context.close()
    assert log.chunks == [[1], [1, 2]]


async def test_what_has_no_json_form_or_is_too_large_is_refused_where_it_is_emitted() -> None:
    log = Log()
    context = context_on(log)
    with pytest.raises(TypeError):
        await context.emit(threading.Lock())
    with pytest.raises(ValueError, match="over the limit of 262,144; emit smaller ones"):
        await context.emit("x" * EMIT_BYTES_MAX)
    with pytest.raises(TypeError):
        await asyncio.to_thread(_thread(context).emit, threading.Lock())
    with pytest.raises(ValueError, match="over the limit"):
        await asyncio.to_thread(_thread(context).emit, "x" * EMIT_BYTES_MAX)
    await context.close()
    assert log.events == []


async def test_a_handler_that_emits_faster_than_the_log_takes_waits() -> None:
    log = Log()
    context = context_on(log)
    log.gate.clear()
    chunk = "x" * (EMIT_BYTES_MAX // 4)
    emitted = 0

    async def emit_all() -> None:
        nonlocal emitted
        for _ in range(40):
            await context.emit(chunk)
            emitted += 1

    emitting = asyncio.create_task(emit_all())
    for _ in range(200):
        await asyncio.sleep(0)
    held = emitted
    assert 1 <= held <= 8, "two events' worth at most: one on its way, one waiting"
    log.gate.set()
    await until(lambda: emitted > held, "the handler to go on")
    emitting.cancel()
    await asyncio.wait([emitting])
    await context.close()
    assert log.chunks == [chunk] * len(log.chunks)
    assert emitted <= len(log.chunks) <= emitted + 1
    assert all(len(encode(event)) < EMIT_BYTES_MAX + 1000 for event in log.of(Emitted))


async def test_after_closing_nothing_is_held_back() -> None:
    log = Log()
    context = context_on(log)
    await context.progress(0.1)
    await context.emit("first")
    await until(lambda: log.fractions and log.chunks, "the first of both")
    await context.progress(0.9)
    await context.emit("second")
    await context.emit("third")
    assert log.fractions == [0.1]
    await context.close()
    assert log.fractions == [0.1, 0.9]
    assert log.chunks == ["first", "second", "third"]


async def test_closing_without_a_word_says_nothing() -> None:
    log = Log()
    await context_on(log).close()
    assert log.events == []


async def test_a_thread_says_what_a_coroutine_says_in_its_order() -> None:
    log = Log()
    context = context_on(log)
    in_thread = _thread(context)

    def work() -> None:
        for n in range(30):
            in_thread.progress(n / 30)
            in_thread.emit(n)
        in_thread.log("done", level="warning")
        in_thread.progress(1.0, "the end")

    await asyncio.to_thread(work)
    await context.close()
    assert log.chunks == list(range(30))
    assert log.of(Logged) == [Logged(attempt=2, level="warning", message="done")]
    assert log.of(Progressed)[-1] == Progressed(attempt=2, fraction=1.0, message="the end")


def _thread(context: ExecutionContext) -> ThreadContext:
    return ThreadContext(context, asyncio.get_running_loop())


def json_of(value: Any) -> bytes:
    return msgspec.json.encode(value)


async def test_a_handler_that_awaits_nothing_but_its_context_leaves_turns_to_others() -> None:
    context = context_on(Log())
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    others = asyncio.create_task(count_turns())
    began = time.monotonic()
    while turns <= 10:
        await context.progress(0.5)
        assert time.monotonic() - began < WAIT_SECONDS
    turns, began = 0, time.monotonic()
    while turns <= 10:
        await context.emit("x")
        assert time.monotonic() - began < WAIT_SECONDS
    others.cancel()
    context.abandon()
