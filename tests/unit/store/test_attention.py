"""What is found that needs attention, in a read model with some of everything."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from headrace.contracts.batches import Counts
from headrace.contracts.positions import Position
from headrace.contracts.schedules import ScheduleDefinition
from headrace.store.attention import (
    SCHEDULE_BYTES_MAX,
    due_firing,
    find_pauses,
    list_firings,
)
from headrace.store.engine import sqlalchemy_url
from headrace.store.figures import COUNTED_MAX, LATE_OF_ALL_MAX, Times, read_figures
from headrace.store.leadership import LeaderSession
from headrace.store.projection import FoldedPage, Projection
from headrace.store.tables import EVERYBODY, ScheduleRow
from headrace.store.tasks import list_running
from tests.unit.store.test_activity import row as minute
from tests.unit.store.test_projection import row

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
OLD = NOW - timedelta(hours=1)


def schedule(id_: str, announced_at: datetime | None, last_at: datetime | None = None, **differing: Any) -> ScheduleRow:
    definition = ",".join(f'"{name}":{value}' for name, value in ({"every": 3600, "input": "{}"} | differing).items())
    return ScheduleRow(
        id=id_, owner="u1", definition=f'{{"kind":"echo",{definition}}}', created_at=OLD, updated_at=OLD, announced_at=announced_at,
        last_at=last_at, last_task=None, epoch=1, sequence=1,
    )  # fmt: skip


TASKS = [
    row(1, id="t1", state="queued", created_at=OLD, queued_at=OLD),
    row(2, id="t2", state="queued", created_at=OLD - timedelta(hours=1), queued_at=OLD, owner="u2"),
    row(3, id="t3", state="queued", created_at=NOW, queued_at=NOW, expires_at=NOW + timedelta(minutes=4)),
    row(4, id="t4", state="pending", created_at=OLD, expires_at=NOW + timedelta(minutes=2)),
    row(5, id="t5", state="succeeded", created_at=OLD, expires_at=NOW, finished_at=NOW),
    row(6, id="t6", state="running", created_at=OLD, started_at=NOW),
    row(7, id="t7", state="running", created_at=NOW, started_at=OLD),
    *(row(n, id=f"m{n}", owner="u3", state="queued", created_at=OLD, queued_at=OLD) for n in range(COUNTED_MAX + 9)),
]
# Not to be compressed, so that it is stored with as many bytes.
LARGE = random.Random(1).randbytes(SCHEDULE_BYTES_MAX // 2).hex()
SCHEDULES = [
    schedule("s1", NOW + timedelta(minutes=9)),
    schedule("s2", NOW - timedelta(minutes=9)),
    schedule("s3", NOW - timedelta(minutes=9), NOW - timedelta(minutes=9)),
    schedule("s4", OLD - timedelta(hours=1), OLD),
    schedule("s5", OLD, paused="true"),
    schedule("s6", OLD, input=f'{{"text":"{LARGE}"}}'),
    schedule("s7", OLD),
]
ACTIVITY = [
    minute(NOW, succeeded=5, failed=1, run_3=5, wait_0=6),
    minute(NOW, kind="other", failed=2),
    minute(NOW, owner="u2", succeeded=4),
    minute(OLD - timedelta(minutes=1), succeeded=100),
    minute(OLD, accepted=7),
]


@pytest.fixture(scope="module")
async def url(make_database: Callable[[], Awaitable[str]]) -> str:
    url = await make_database()
    session = await LeaderSession.connect(url)
    await Projection(session).write_page(
        FoldedPage(tasks=TASKS, schedules=SCHEDULES, activity=ACTIVITY), Position(1, 60)
    )
    await session.connection.execute(
        "INSERT INTO audit (id, at, actor, action, subject, data) VALUES"
        " ('a1', $1, 'u1', 'kind.paused', 'echo', '{}'), ('a2', $2, 'u2', 'kind.paused', 'echo', '{}'),"
        " ('a3', $2, 'u2', 'kind.resumed', 'echo', '{}')",
        *(OLD, NOW),
    )
    session.close()
    return url


@pytest.fixture
async def session(url: str) -> AsyncGenerator[AsyncSession]:
    engine = create_async_engine(sqlalchemy_url(url))
    async with AsyncSession(engine) as session:
        yield session
    await engine.dispose()


async def test_tasks_that_wait_for_long_or_expire_soon_are_found_of_one_owner_and_of_all(session: AsyncSession) -> None:
    times = Times(
        since=OLD,
        minutes_since=OLD,
        late_before=NOW - timedelta(minutes=15),
        expiring_before=NOW + timedelta(minutes=3),
    )
    read = {owner: await read_figures(session, owner, times) for owner in ("u1", "u2", "u3", "nobody", EVERYBODY)}
    late = {owner: figures.late for owner, figures in read.items()}
    assert (late["u1"], late["u3"], late["nobody"]) == ((1, OLD), (COUNTED_MAX, OLD), None)
    assert late[EVERYBODY] == (LATE_OF_ALL_MAX, OLD - timedelta(hours=1))
    for owner in ("u1", EVERYBODY):
        assert read[owner].expiring == (1, NOW + timedelta(minutes=2))
    assert read["u2"].expiring is None
    assert read["u1"].counts.counts == Counts(pending=1, queued=2, running=2, succeeded=1)
    assert (read["nobody"].counts.counts, read["nobody"].ends, read["nobody"].total.run.p50) == (Counts(), {}, None)
    assert read["u1"].ends == {("echo", NOW): (5, 1), ("other", NOW): (0, 2)}
    assert read[EVERYBODY].ends == {("echo", NOW): (9, 1), ("other", NOW): (0, 2)}
    assert (read["u1"].total.succeeded, read["u1"].total.failed, read["u1"].total.run.p50) == (5, 3, 0.03)
    assert (read[EVERYBODY].total.succeeded, read[EVERYBODY].total.wait.p50) == (9, 0.0025)


async def test_tasks_that_run_for_the_longest_come_first(session: AsyncSession) -> None:
    assert [each.id for each in await list_running(session, "u1", 8)] == ["t7", "t6"]
    assert [each.id for each in await list_running(session, "u1", 1)] == ["t7"]


async def test_a_schedule_whose_firing_is_over_and_submitted_nothing_is_stuck(session: AsyncSession) -> None:
    found = {each.id: each for each in await list_firings(session, "u1", NOW)}
    assert {id_ for id_, each in found.items() if each.missed_at is not None} == {"s2", "s6"}
    assert found["s2"].missed_at == NOW - timedelta(minutes=9)
    assert found["s1"].next_at == NOW + timedelta(minutes=9)
    assert found["s2"].next_at == found["s3"].next_at == NOW + timedelta(minutes=51)
    assert found.keys() == {"s1", "s2", "s3", "s4", "s6"}, "without what is paused, and no more than is read at once"


def test_the_next_firing_follows_on_the_last_that_submitted_something() -> None:
    hourly = ScheduleDefinition(kind="echo", input={}, every=3600)
    assert due_firing(hourly, None, None) is None
    assert due_firing(hourly, OLD, None) == due_firing(hourly, OLD, OLD - timedelta(seconds=1)) == OLD
    assert due_firing(hourly, OLD, OLD) == NOW


async def test_the_last_pause_of_a_kind_is_in_the_audit(session: AsyncSession) -> None:
    assert await find_pauses(session, ["echo", "other"]) == {"echo": (NOW, "u2")}
    assert await find_pauses(session, []) == {}
