"""Retention: what is removed, what is spared, and that nobody is kept waiting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from headrace.contracts.run_time_settings import Retention as Kept
from headrace.contracts.run_time_settings import RunTimeSettings
from headrace.projector import retention
from headrace.projector.retention import Retention
from headrace.store.retention import RetentionSession
from headrace.store.tables import COUNTERS

NOW = datetime(2030, 6, 1, tzinfo=UTC)

TASK = """
    INSERT INTO tasks (id, kind, priority, owner, batch, state, attempt, input, files, created_at, queued_at, finished_at, epoch, sequence)
    VALUES ($1, $2, 'normal', 'u1', $3, $4, 1, '{}', '[]', $5, $5, $6, 1, 1)
"""
EVENT = "INSERT INTO task_events (epoch, sequence, task, event, at, attempt, data) VALUES (1, $1, $2, 'queued', $3, 1, '{}')"
BATCH = """
    INSERT INTO batches (id, kind, priority, owner, total, pending, queued, running, succeeded, failed, cancelled, state,
                         created_at, settled_at, settled_sequence, epoch, sequence)
    VALUES ($1, $2, 'low', 'u1', 1, 0, 0, 0, 1, 0, 0, $3, $4, $4, 0, 1, 1)
"""


class ReadModel:
    """Tables of a database of their own, and the retention at work on them."""

    def __init__(self, connection: Any, url: str) -> None:
        self.connection = connection
        self.retention = Retention(url)
        self.url = url
        self._sequence = 0

    async def add_task(
        self, task: str, days: float, *, kind: str = "echo", batch: str | None = None, state: str = "succeeded"
    ) -> None:
        at = NOW - timedelta(days=days)
        finished_at = at if state in ("succeeded", "failed", "cancelled") else None
        await self.connection.execute(TASK, task, kind, batch, state, at, finished_at)
        self._sequence += 1
        await self.connection.execute(EVENT, self._sequence, task, at)

    async def add_batch(self, batch: str, days: float, *, kind: str = "echo", state: str = "settled") -> None:
        await self.connection.execute(BATCH, batch, kind, state, NOW - timedelta(days=days))

    async def keep(self, days: int, **kinds: int) -> None:
        document = msgspec.json.encode(RunTimeSettings(retention=Kept(days=days, kinds=kinds))).decode()
        version = "INSERT INTO run_time_settings SELECT count(*) + 1, now(), 'admin', $1::json FROM run_time_settings"
        await self.connection.execute(version, document)

    async def remove_old(self) -> None:
        session = await RetentionSession.connect(self.url)
        try:
            await self.retention.remove_old(session, NOW)
        finally:
            session.close()

    async def ids(self, table: str = "tasks", column: str = "id") -> list[str]:
        return [record[0] for record in await self.connection.fetch(f"SELECT {column} FROM {table} ORDER BY {column}")]


@pytest.fixture
async def model(
    make_database: Callable[[], Awaitable[str]], monkeypatch: pytest.MonkeyPatch
) -> AsyncGenerator[ReadModel]:
    monkeypatch.setattr(retention, "PAUSE_SECONDS_MIN", 0.0)
    monkeypatch.setattr(retention, "PAUSE_SHARE", 0.0)
    url = await make_database()
    connection: Any = await asyncpg.connect(url)
    yield ReadModel(connection, url)
    await connection.close()


def removed(**rows: int) -> dict[tuple[str, ...], float]:
    return {("echo", table): count for table, count in rows.items()}


async def test_a_task_is_removed_with_its_timeline_once_its_kind_keeps_it_no_longer(model: ReadModel) -> None:
    await model.add_task("old", 91)
    await model.add_task("young", 89)
    await model.add_task("open", 400, state="running")
    await model.add_task("kept", 4000, kind="kept")
    await model.add_task("brief", 2, kind="brief")
    await model.keep(90, kept=0, brief=1)
    await model.remove_old()
    assert await model.ids() == await model.ids("task_events", "task") == ["kept", "open", "young"]
    assert dict(model.retention.removed.items()) == {
        (kind, table): 1 for kind in ("brief", "echo") for table in ("tasks", "task_events")
    }
    registry = CollectorRegistry()
    registry.register(model.retention)
    assert b'headrace_retention_removed_rows_total{kind="brief",table="tasks"} 1.0' in generate_latest(registry)


async def test_what_is_finished_is_kept_for_ninety_days_where_nobody_has_set_anything(model: ReadModel) -> None:
    await model.add_task("old", 90.1)
    await model.add_task("young", 89.9)
    await model.remove_old()
    assert await model.ids() == ["young"]
    await model.keep(0)
    await model.add_task("ancient", 40_000)
    await model.remove_old()
    assert await model.ids() == ["ancient", "young"]


async def test_a_batch_goes_whole_when_it_has_settled_for_as_long_as_its_kind_is_kept(model: ReadModel) -> None:
    await model.add_batch("gone", 91)
    await model.add_batch("settled", 80)
    await model.add_batch("open", 300, state="open")
    for batch in ("gone", "settled", "open", "forgotten"):
        await model.add_task(f"in-{batch}", 100, batch=batch)
    await model.remove_old()
    assert await model.ids("batches") == ["open", "settled"]
    assert await model.ids() == ["in-open", "in-settled"]
    assert dict(model.retention.removed.items()) == removed(tasks=2, task_events=2, batches=1)


async def test_everything_old_goes_in_one_pass_however_many_transactions_that_takes(
    model: ReadModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "ROWS", 3)
    for number in range(10):
        await model.add_task(f"t{number}", 100 + number)
        await model.add_batch(f"b{number}", 100 + number)
    await model.remove_old()
    assert not await model.ids()
    assert not await model.ids("batches")
    assert dict(model.retention.removed.items()) == removed(tasks=10, task_events=10, batches=10)


async def test_a_task_that_is_being_run_again_is_not_waited_for_and_spared(model: ReadModel) -> None:
    await model.add_task("again", 100)
    await model.add_task("old", 100)
    async with model.connection.transaction():
        await model.connection.execute("UPDATE tasks SET state = 'queued', finished_at = NULL WHERE id = 'again'")
        async with asyncio.timeout(5):
            await model.remove_old()
    assert await model.ids() == ["again"]
    await model.remove_old()
    assert await model.ids() == ["again"]


async def test_counts_go_with_the_tasks_of_their_kind(model: ReadModel) -> None:
    columns = ", ".join(COUNTERS)
    for kind, days in (("echo", 91), ("echo", 89), ("kept", 400)):
        values = ", ".join(["1"] * len(COUNTERS))
        statement = f"INSERT INTO activity (owner, at, kind, minutes, {columns}) VALUES ('u1', $1, $2, 60, {values})"
        await model.connection.execute(statement, NOW - timedelta(days=days), kind)
    await model.keep(90, kept=0)
    await model.remove_old()
    assert await model.ids("activity", "kind") == ["echo", "kept"]
    assert dict(model.retention.removed.items()) == removed(activity=1)


async def test_settings_of_a_later_version_that_are_not_about_retention_change_nothing_of_it(model: ReadModel) -> None:
    await model.add_task("old", 100)
    document = '{"retention": {"days": 90}, "sign_in": {"by": ["password"]}}'
    await model.connection.execute("INSERT INTO run_time_settings VALUES (1, now(), 'admin', $1::json)", document)
    await model.remove_old()
    assert await model.ids() == []


async def test_a_retention_of_a_later_version_removes_nothing(model: ReadModel) -> None:
    await model.add_task("old", 100)
    unknown = '{"retention": {"days": 90, "colder": true}}'
    await model.connection.execute("INSERT INTO run_time_settings VALUES (1, now(), 'admin', $1::json)", unknown)
    with pytest.raises(msgspec.ValidationError):
        await model.remove_old()
    assert await model.ids() == ["old"]
