"""What the sweep asks of the read model: that it finds what it is for, and reads little however much there is."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from headrace.store import leader_queries
from headrace.store.leader_queries import LaneFloor, list_queued_behind_floors
from headrace.store.leadership import LeaderSession

TASKS = 30_000
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)  # a task was queued each second from here on
END = BEGIN + timedelta(seconds=TASKS + 1)
EPOCH = 7

# Nearly all wait in one lane. Every hundredth task is of another kind, every hundredth runs, and one is of an earlier log.
SEED = f"""
    INSERT INTO tasks (id, kind, priority, owner, title, labels, state, attempt, input, files, fence, headers,
                       created_at, queued_at, epoch, sequence)
    SELECT 't' || n, CASE WHEN n % 100 = 1 THEN 'rare' ELSE 'common' END, CASE WHEN n % 100 = 2 THEN 'high' ELSE 'low' END,
           'u1', 'a task', '{{}}', CASE WHEN n % 100 = 3 THEN 'running' ELSE 'queued' END, 1, '{{"text": "an input"}}', '[]', 0, '{{}}',
           at, at, CASE WHEN n = 5 THEN {EPOCH - 1} ELSE {EPOCH} END, n
    FROM generate_series(1, {TASKS}) n, LATERAL (SELECT timestamptz '{BEGIN.isoformat()}' + n * interval '1 second' AS at) s
"""


@pytest.fixture(scope="module")
async def session(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[LeaderSession]:
    session = await LeaderSession.connect(await make_database())
    await session.connection.execute(SEED)
    await session.connection.execute("ANALYZE tasks")
    yield session
    session.close()


async def find(session: LeaderSession, *lanes: LaneFloor, before: datetime = END, limit: int = 100) -> list[str]:
    return [row.id for row in await list_queued_behind_floors(session, EPOCH, lanes, before, limit)]


async def test_what_is_queued_at_or_before_the_floor_of_its_lane_is_found_and_nothing_else(
    session: LeaderSession,
) -> None:
    assert await find(session, LaneFloor("common", "low", 7)) == ["t4", "t6", "t7"], (
        "the others are of other lanes, run, or are of an earlier log"
    )
    assert await find(session, LaneFloor("common", "high", 7), LaneFloor("rare", "low", 101)) == ["t2", "t1", "t101"]
    assert await find(session, LaneFloor("common", "low", 7), before=BEGIN + timedelta(seconds=6)) == ["t4"]
    assert await find(session, LaneFloor("common", "normal", TASKS)) == []
    assert await find(session) == []


async def test_only_the_oldest_of_a_lane_are_looked_at(session: LeaderSession) -> None:
    assert await find(session, LaneFloor("common", "low", TASKS), limit=3) == ["t4", "t6"], "the third is t5"


async def test_a_long_lane_costs_no_more_than_its_oldest_tasks(session: LeaderSession) -> None:
    limit = 100
    query = f"EXPLAIN (ANALYZE, FORMAT JSON) {leader_queries._QUEUED_BEHIND_FLOORS}"
    arguments = (["common", "rare"], ["low", "low"], [7, 7], END, EPOCH, limit)
    plan = json.loads(await session.connection.fetchval(query, *arguments))[0]["Plan"]
    (scan,) = (node for node in nodes_of(plan) if node.get("Relation Name") == "tasks")
    assert scan["Index Name"] == "tasks_in_lane"
    assert scan["Actual Rows"] * scan["Actual Loops"] <= 2 * limit
    assert "Rows Removed by Filter" not in scan


def nodes_of(plan: dict[str, Any]) -> list[dict[str, Any]]:
    return [plan, *(node for below in plan.get("Plans", ()) for node in nodes_of(below))]
