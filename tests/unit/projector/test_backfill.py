from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest

from headrace.contracts.fingerprints import fingerprint
from headrace.log import subjects
from headrace.projector import backfill
from headrace.projector.backfill import Backfill
from headrace.store.leadership import LeaderSession
from headrace.store.projection import Projection
from headrace.store.tally import count_all
from tests.counted import compare_counts

# As an older version writes rows.
TASK = """
    INSERT INTO tasks (id, kind, priority, owner, state, attempt, input, files, headers, error, code, created_at, finished_at, epoch,
                       sequence)
    VALUES ($1, 'echo', 'normal', 'u1', $2, 1, $3, '[]', $4, $5, $6, now(), now(), 1, 1)
"""
ERROR = '{"code":"raised","message":"row 12 is no good"}'


@pytest.fixture
async def session(
    make_database: Callable[[], Awaitable[str]], monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[LeaderSession]:
    monkeypatch.setattr(backfill, "PAUSE_SECONDS_MIN", 0.0)
    monkeypatch.setattr(backfill, "PAUSE_SHARE", 0.0)
    session = await LeaderSession.connect(await make_database())
    yield session
    session.close()


async def add(session: LeaderSession, task: str, **more: Any) -> None:
    given = {"state": "succeeded", "input": "{}", "headers": "{}", "error": None, "code": None, **more}
    await session.connection.execute(TASK, task, *given.values())


async def fill_all(session: LeaderSession) -> int:
    """Fill until nothing is left; returns in how many transactions."""
    filling_rows, times = Backfill(), 0
    while filling_rows.patience(60.0) < 60.0:
        await filling_rows.fill_when_due(session)
        times += 1
    return times - 1


async def test_rows_of_an_older_version_get_what_a_replay_would_give_them(session: LeaderSession) -> None:
    headers = json.dumps({subjects.TITLE: "Essay", subjects.LABELS: '{"b":"\\"2","a":"1"}', subjects.OF_SCHEDULE: "s1"})
    await add(session, "t1", headers=headers)
    await add(session, "t2", input='{"text": "the quick\\nfox"}')
    await add(session, "0198c1a2-77aa-7bcd-8000-aaaabbbbcccc", state="failed", error=ERROR, code="raised")
    await add(session, "t4", state="failed", error='{"code":"gone","message":1}', code="gone")
    assert await fill_all(session) == 1
    found = await session.connection.fetch("SELECT id, title, labels, schedule, fingerprint FROM tasks ORDER BY id")
    assert [tuple(each) for each in found] == [
        (
            "0198c1a2-77aa-7bcd-8000-aaaabbbbcccc",
            "aaaabbbbcccc",
            [],
            None,
            fingerprint("echo", "raised", "row 3 is no good"),
        ),
        ("t1", "Essay", ["a=1", 'b="2'], "s1", None),
        ("t2", "the quick fox", [], None, None),
        ("t4", "t4", [], None, fingerprint("echo", "gone", "")),
    ]
    assert (await Projection(session).load_tasks(["t1"]))["t1"].labels == ["a=1", 'b="2']
    assert await fill_all(session) == 0


async def test_rows_are_filled_a_few_at_a_time_and_whoever_leads_next_goes_on(
    session: LeaderSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backfill, "ROWS", 4)
    for number in range(10):
        await add(session, f"t{number}")
    stopped = Backfill()
    await stopped.fill_when_due(session)
    assert await session.connection.fetchval("SELECT count(*) FROM tasks WHERE title <> ''") == 4
    assert await fill_all(session) == 2
    assert await session.connection.fetchval("SELECT count(*) FROM tasks WHERE title = ''") == 0


@pytest.mark.invariant(7)
async def test_failures_of_an_older_version_are_counted_as_they_are_filled(session: LeaderSession) -> None:
    for number in range(3):
        await add(session, f"t{number}", state="failed", error=ERROR, code="raised")
    await count_all(session)
    assert await session.connection.fetchval("SELECT sum(n) FROM failures") is None
    await fill_all(session)
    assert await compare_counts(session.connection) == []
    assert await session.connection.fetchval("SELECT sum(n) FROM failures WHERE owner = ''") == 3
    # An older version led again: it runs a task again without its fingerprint being cleared.
    await session.connection.execute("UPDATE tasks SET state = 'queued', error = NULL, code = NULL WHERE id = 't1'")
    await count_all(session)
    await fill_all(session)
    assert await compare_counts(session.connection) == []
    assert await session.connection.fetchval("SELECT fingerprint FROM tasks WHERE id = 't1'") is None
