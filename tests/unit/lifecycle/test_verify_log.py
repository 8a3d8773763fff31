from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from headrace.contracts.positions import Position
from headrace.errors import ReadModelUnavailable
from headrace.lifecycle import verify_log as verify_log_module
from headrace.lifecycle.verify_log import verify_log
from headrace.log import continuity
from headrace.log.connection import Log
from tests.unit.lifecycle.steps import new_task
from tests.waiting import until


@pytest.fixture(autouse=True)
def _poll_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_log_module, "VERIFY_POLL_SECONDS", 0.01)


async def is_verified(log: Log) -> bool:
    return await log.continuity.is_compared()


def answers(*checkpoints: Position | None) -> Callable[[], Awaitable[Position]]:
    """Returns these checkpoints, and the last of them again and again. None stands for a read model that is away."""
    left = list(checkpoints)

    async def checkpoint() -> Position:
        found = left.pop(0) if len(left) > 1 else left[0]
        if found is None:
            raise ReadModelUnavailable("Postgres cannot be used")
        return found

    return checkpoint


async def append_something(log: Log) -> None:
    await log.appender.append(new_task().subject.of("queued"), b"{}", {})
    await log.refresh()


async def test_a_log_that_has_all_that_the_read_model_has_is_verified_once(log: Log) -> None:
    await append_something(log)
    assert not await is_verified(log)
    await verify_log(log, answers(Position(log.epoch, log.state.last_sequence)))
    assert await is_verified(log)

    async def checkpoint() -> Position:
        raise AssertionError("the read model is not asked again")

    await verify_log(log, checkpoint)


async def test_the_mark_is_set_although_nobody_keeps_it_yet(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(continuity, "MARK_POLL_SECONDS", 0.01)
    asked = asyncio.Event()
    request = log.continuity._connection.request  # pyright: ignore[reportPrivateUsage] - the only way to see that it was refused

    async def watched(*arguments: Any, **named: Any) -> Any:
        try:
            return await request(*arguments, **named)
        finally:
            asked.set()

    monkeypatch.setattr(log.continuity._connection, "request", watched)  # pyright: ignore[reportPrivateUsage] - likewise
    marking = asyncio.create_task(log.continuity.mark_compared())
    await asked.wait()
    # As with three servers, whose copies choose a leader some time after the stream was made.
    assert not marking.done()
    assert not await is_verified(log)
    await marking
    assert await is_verified(log)


async def test_a_log_that_was_made_anew_is_verified(log: Log) -> None:
    await verify_log(log, answers(Position(log.epoch - 1, 1000)))
    assert await is_verified(log)


async def test_the_read_model_is_waited_for(log: Log) -> None:
    log.hold_appends()
    waiting = asyncio.create_task(verify_log(log, answers(None)))
    await until(lambda: "Postgres cannot be used" in (log.problem or ""), "the reason")
    waiting.cancel()
    await verify_log(log, answers(None, None, Position(0, 0)))
    assert await is_verified(log)


async def test_a_log_that_ends_before_the_checkpoint_is_left_to_a_projector(log: Log) -> None:
    await append_something(log)
    verifying = asyncio.create_task(verify_log(log, answers(Position(log.epoch, log.state.last_sequence + 1))))
    await asyncio.sleep(0.1)
    assert not verifying.done()
    assert not await is_verified(log)

    await append_something(log)
    await until(verifying.done, "the log to be repaired")
    assert await is_verified(log)


async def test_positions_that_this_process_has_seen_and_the_log_has_lost_are_skipped(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(continuity, "MARGIN", 10)
    await append_something(log)
    seen = log.state.last_sequence + 5
    log.note_state(msgspec.structs.replace(log.state, last_sequence=seen))
    log.note_state(msgspec.structs.replace(log.state, last_sequence=seen - 5))
    await verify_log(log, answers(Position(0, 0)))
    assert (await log.refresh()).last_sequence > seen
