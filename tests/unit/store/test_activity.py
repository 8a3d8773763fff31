from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from headrace.contracts.activity import Activity, Percentiles
from headrace.contracts.positions import Position
from headrace.projector.compaction import Compaction, keep_minutes_from
from headrace.store.activity import Span, read_activity, read_kinds_since
from headrace.store.activity_statements import HOUR, compact_activity
from headrace.store.engine import sqlalchemy_url
from headrace.store.leadership import LeaderSession
from headrace.store.projection import FoldedPage, Projection
from headrace.store.tables import COUNTERS, ActivityRow

NOON = datetime(2030, 5, 4, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NOTHING = Percentiles(p50=None, p95=None, p99=None)
HERE = Position(1, 1)


@pytest.fixture
async def database(make_database: Callable[[], Awaitable[str]]) -> str:
    return await make_database()


@pytest.fixture
async def leader(database: str) -> AsyncGenerator[LeaderSession]:
    session = await LeaderSession.connect(database)
    yield session
    session.close()


@pytest.fixture
async def reader(database: str) -> AsyncGenerator[AsyncSession]:
    engine = create_async_engine(sqlalchemy_url(database))
    async with AsyncSession(engine) as session:
        yield session
    await engine.dispose()


def row(at: datetime, *, owner: str = "u1", kind: str = "echo", **counted: int) -> ActivityRow:
    return ActivityRow(owner=owner, at=at, kind=kind, counters=[counted.get(name, 0) for name in COUNTERS])


async def add(leader: LeaderSession, *rows: ActivityRow) -> None:
    await Projection(leader).write_page(FoldedPage(activity=rows), HERE)


async def read(reader: AsyncSession, span: Span, owner: str = "u1", kind: str | None = None) -> Activity:
    return await read_activity(reader, owner, kind, span, HERE)


async def test_pages_add_up_and_steps_without_anything_are_zero(leader: LeaderSession, reader: AsyncSession) -> None:
    await add(leader, row(NOON, accepted=2, started=1, wait_0=1), row(NOON, kind="other", failed=3, run_5=3))
    await add(
        leader, row(NOON, accepted=1), row(NOON + 2 * MINUTE, succeeded=5, run_4=5), row(NOON, owner="u2", failed=9)
    )
    found = await read(reader, Span.around(NOON, NOON + 4 * MINUTE, MINUTE))
    assert (found.begin, found.end, found.step) == (NOON, NOON + 4 * MINUTE, 60)
    assert [(point.at - NOON) // MINUTE for point in found.points] == [0, 1, 2, 3]
    assert [point.accepted for point in found.points] == [3, 0, 0, 0]
    assert [point.failed for point in found.points] == [3, 0, 0, 0]
    assert [point.run.p50 for point in found.points] == [0.12, None, 0.06, None]
    assert found.points[1].wait == NOTHING
    assert (found.total.accepted, found.total.succeeded, found.total.failed) == (3, 5, 3)
    assert found.total.run.p95 is not None

    of_kind = await read(reader, Span.around(NOON, NOON + 4 * MINUTE, MINUTE), kind="echo")
    assert (of_kind.total.failed, of_kind.total.succeeded) == (0, 5)
    nobody = await read(reader, Span.around(NOON, NOON + MINUTE, MINUTE), owner="u3")
    assert [point.accepted for point in nobody.points] == [0]
    assert (nobody.total.accepted, nobody.total.wait) == (0, NOTHING)


async def test_kinds_are_summed_over_all_owners(leader: LeaderSession, reader: AsyncSession) -> None:
    await add(leader, row(NOON, failed=1), row(NOON + MINUTE, owner="u2", failed=2), row(NOON, kind="other", failed=4))
    found = await read_kinds_since(reader, NOON)
    assert {kind: counts.failed for kind, counts in found.items()} == {"echo": 3, "other": 4}
    assert (await read_kinds_since(reader, NOON + MINUTE))["echo"].failed == 2


@pytest.mark.invariant(7)
async def test_hours_are_the_same_before_and_after_their_minutes_were_added_to_them(
    leader: LeaderSession, reader: AsyncSession
) -> None:
    minutes = [
        row(
            NOON + number * 7 * MINUTE, kind=("echo", "other")[number % 2], accepted=number, run_3=1, wait_21=number % 3
        )
        for number in range(40)
    ]
    await add(leader, *minutes)
    spans = [Span.around(NOON - HOUR, NOON + 6 * HOUR, step) for step in (HOUR, 2 * HOUR, 24 * HOUR)]
    before = [await read(reader, span) for span in spans]
    await reader.rollback()
    compacted = [await compact_activity(leader, NOON + 3 * HOUR, 20) for _ in range(4)]
    assert compacted == [20, 20, 12, 0], "in small batches, and only what is old"
    assert [await read(reader, span) for span in spans] == before
    # A minute that comes late, as when the projector was away for days.
    await reader.rollback()
    await add(leader, row(NOON + MINUTE, accepted=1000))
    assert await compact_activity(leader, NOON + 3 * HOUR, 10) == 2
    after = await read(reader, spans[0])
    assert after.points[1].accepted == before[0].points[1].accepted + 1000
    hours = await leader.connection.fetchval("SELECT count(*) FROM activity WHERE minutes = 60")
    assert hours == 12, "three hours of two kinds, of one owner and of all"


def test_a_span_has_whole_steps() -> None:
    span = Span.around(NOON + 61 * MINUTE, NOON + 3 * HOUR, HOUR)
    assert span == (NOON + HOUR, NOON + 3 * HOUR, HOUR)
    assert span.steps == 2
    assert Span.around(NOON, NOON + timedelta(seconds=1), 24 * HOUR).begin == NOON.replace(hour=0)


async def test_the_leader_compacts_what_is_older_than_can_be_asked_for_by_the_minute(leader: LeaderSession) -> None:
    now = datetime.now(UTC)
    kept, old = keep_minutes_from(now), now - timedelta(days=3)
    assert now - timedelta(days=2, hours=2) < kept <= now - timedelta(days=2, hours=1)
    await add(leader, *(row(at.replace(second=0, microsecond=0), accepted=1) for at in (kept, old, old + MINUTE)))
    await Compaction().compact_when_due(leader)
    rows = await leader.connection.fetch(
        "SELECT minutes, sum(accepted) FROM activity WHERE owner = 'u1' GROUP BY 1 ORDER BY 1"
    )
    assert [tuple(each) for each in rows] == [(1, 1), (60, 2)]
