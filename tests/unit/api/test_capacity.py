from __future__ import annotations

import asyncio

import pytest

from headrace.api import capacity as capacity_module
from headrace.api.capacity import Capacity
from headrace.errors import LogFull
from headrace.log.connection import Log


def test_what_was_reserved_counts_against_the_limit_until_it_is_measured(shared_log: Log) -> None:
    room = Capacity(shared_log, shared_log.state.bytes + 1000)
    room.reserve(600)
    with pytest.raises(LogFull, match="HEADRACE_STREAM_MAX_BYTES"):
        room.reserve(500)
    room.reserve(400)


async def test_measuring_replaces_what_was_reserved_by_the_size_of_the_log(
    shared_log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(capacity_module, "MEASURE_SECONDS", 0.0)
    await shared_log.refresh()
    room = Capacity(shared_log, shared_log.state.bytes + 100_000)
    room.reserve(90_000)
    measuring = asyncio.create_task(room.measure())
    try:
        async with asyncio.timeout(5):
            while not has_room(room, 50_000):
                await asyncio.sleep(0)
    finally:
        measuring.cancel()


def has_room(room: Capacity, size: int) -> bool:
    try:
        room.reserve(size)
    except LogFull:
        return False
    return True


def test_a_log_without_room_says_so_until_something_has_room_again(shared_log: Log) -> None:
    room = Capacity(shared_log, shared_log.state.bytes + 1000)
    assert room.problem is None
    assert not has_room(room, 1001)
    assert (room.problem or "").startswith("takes nothing new: the log holds its")
    assert has_room(room, 500)
    assert room.problem is None
