from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from headrace.contracts.positions import Position
from headrace.contracts.tasks import Priority
from headrace.store.activity import read_pace
from headrace.store.earlier import find_place
from headrace.store.engine import sqlalchemy_url
from headrace.store.leadership import LeaderSession
from headrace.store.projection import FoldedPage, Projection
from headrace.store.running import read_running_seconds
from tests.unit.store.test_activity import row as activity
from tests.unit.store.test_projection import AT, row

MINUTE = timedelta(minutes=1)
NOON = datetime(2030, 5, 4, 12, tzinfo=UTC)
TASKS = [
    row(n, id=f"t{n}", owner=f"u{n % 3}", priority=priority, queued_at=AT + timedelta(seconds=n))
    for n, priority in enumerate(["high", "low", "normal", "normal", "low", "normal", "high"])
]
OTHERS = [
    row(20, id="other", kind="other", queued_at=AT),
    row(21, id="running", state="running", queued_at=AT),
    row(22, id="waits", state="pending", queued_at=AT, due_at=AT),
]
ACTIVITY = [
    activity(NOON, started=5, run_3=2),
    activity(NOON, owner="u2", started=7, run_4=2),
    activity(NOON - MINUTE, started=100, run_3=1),
    activity(NOON - 9 * MINUTE, started=100, run_3=50),
    activity(NOON, kind="other", started=100, run_3=50),
]


async def test_those_of_a_kind_that_are_queued_for_longer_are_counted_by_priority(
    make_database: Callable[[], Awaitable[str]],
) -> None:
    url = await make_database()
    leader = await LeaderSession.connect(url)
    await Projection(leader).write_page(FoldedPage(tasks=[*TASKS, *OTHERS], activity=ACTIVITY), Position(1, 60))
    leader.close()
    engine = create_async_engine(sqlalchemy_url(url))
    async with AsyncSession(engine) as session:
        place = await find_place(session, "t5", 10)
        assert place is not None
        assert place.since == AT + timedelta(seconds=5)
        assert place.earlier == {Priority.HIGH: 1, Priority.NORMAL: 2, Priority.LOW: 2}
        bounded = await find_place(session, "t5", 1)
        assert bounded is not None
        assert set(bounded.earlier.values()) == {1}
        await session.execute(text("UPDATE tasks SET queued_at = now() - interval '1 hour' WHERE state = 'queued'"))
        behind_all = await find_place(session, "waits", 10)
        assert behind_all is not None
        assert behind_all.earlier == {Priority.HIGH: 2, Priority.NORMAL: 3, Priority.LOW: 2}
        assert await find_place(session, "gone", 10) is None

        pace = await read_pace(session, "echo", NOON - MINUTE, NOON)
        assert (pace.saturated_starts, pace.runs) == (12, 5)
        assert pace.mean_run_seconds == pytest.approx(0.042)
        assert await read_pace(session, "none", NOON, NOON) == (0, 0, None)

        assert await read_running_seconds(session, "echo", NOON) is None
        for task, age in (("t4", 2), ("t5", 4)):
            await session.execute(
                text("UPDATE tasks SET state = 'running', started_at = :at WHERE id = :id"),
                {"at": NOON - timedelta(seconds=age), "id": task},
            )
        assert await read_running_seconds(session, "echo", NOON) == 3.0
        assert await read_running_seconds(session, "none", NOON) is None
    await engine.dispose()
