"""A sweep on a machine where everything takes long: the lead is kept, and pages have their turn."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from headrace.log.connection import Log
from headrace.projector import sweep as module
from headrace.projector.lost_deliveries import LostDeliveries
from headrace.projector.sweep import TASKS_AT_ONCE, Sweep
from headrace.store import leadership
from headrace.store.leadership import LeaderSession
from headrace.store.tables import TaskRow

FOUND = 100
MOVE_SECONDS = 0.2
EMPTY = ("list_queued_before", "list_running_since", "list_overdue", "list_open_of_cancelled_batches")


@pytest.fixture
async def session(
    make_database: Callable[[], Awaitable[str]], monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[LeaderSession]:
    """A session that Postgres ends after half a second of silence, as long as it takes to move three tasks one after the other."""
    monkeypatch.setitem(leadership.SESSION_SETTINGS, "idle_session_timeout", "500")
    monkeypatch.setattr(leadership, "KEEP_ALIVE_SECONDS", 0.1)
    session = await LeaderSession.connect(await make_database())
    yield session
    session.close()


@pytest.fixture
def moved(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The tasks that were moved: a hundred have expired, and each takes its time."""
    moved: list[str] = []

    async def find(*_: Any) -> list[TaskRow]:
        return [cast("TaskRow", SimpleNamespace(id=str(number))) for number in range(FOUND) if str(number) not in moved]

    async def find_nothing(*_: Any) -> list[TaskRow]:
        return []

    async def move(_: Sweep, row: TaskRow) -> None:
        await asyncio.sleep(MOVE_SECONDS)
        moved.append(row.id)

    monkeypatch.setattr(module, "list_expired", find)
    for name in EMPTY:
        monkeypatch.setattr(module, name, find_nothing)
    monkeypatch.setattr(LostDeliveries, "search_when_due", find_nothing)
    monkeypatch.setattr(Sweep, "_expire", move)
    return moved


def make_sweep() -> Sweep:
    return Sweep(
        cast("Log", SimpleNamespace(settings=SimpleNamespace(retention=86_400.0), on_disconnect=lambda _: None))
    )


async def test_the_lead_is_kept_while_a_sweep_takes_longer_than_a_silent_session_lasts(
    session: LeaderSession, moved: list[str]
) -> None:
    assert await session.try_lead()
    await make_sweep().sweep(session)
    assert len(moved) == FOUND
    await session.keep_alive()


async def test_a_sweep_leaves_to_the_next_one_what_it_has_no_time_for(
    session: LeaderSession, moved: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOVING_SECONDS_MAX", MOVE_SECONDS / 2)
    sweep = make_sweep()
    await sweep.sweep(session)
    assert len(moved) == TASKS_AT_ONCE
    await sweep.sweep(session)
    assert len(set(moved)) == len(moved) == 2 * TASKS_AT_ONCE


async def test_after_a_sweep_that_took_long_pages_have_as_long(
    session: LeaderSession, moved: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWEEP_SECONDS", 0.0)
    sweep = make_sweep()
    await sweep.sweep_when_due(session)
    assert len(moved) == FOUND
    moved.clear()
    await sweep.sweep_when_due(session)
    assert moved == []
