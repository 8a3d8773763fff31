"""What screens are told of counts, and that it is read from small tables."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.ext.asyncio import AsyncSession

from headrace.contracts.batches import Counts
from headrace.settings import DatabaseSettings
from headrace.store.counts import (
    HOURS_SHOWN,
    Busy,
    FailureFilter,
    list_busiest,
    list_failure_groups,
    read_counts,
    read_counts_of,
)
from headrace.store.engine import sqlalchemy_config
from headrace.store.leadership import LeaderSession
from headrace.store.tables import EVERYBODY
from headrace.store.tally import count_all

NOW = datetime(2030, 6, 1, 12, 30, tzinfo=UTC)
OWNERS = 300
KINDS = 5

# Of each owner and kind one task in each state, and failures of three sorts: one of everybody in each of the last 48 hours, one of
# few owners an hour ago, and one that is a week old.
SEED = f"""
    INSERT INTO tasks (id, kind, priority, owner, title, state, attempt, input, files, error, code, fingerprint, created_at, finished_at,
                       epoch, sequence)
    SELECT 't-' || o || '-' || k || '-' || state, 'kind_' || k, 'normal', 'u' || o, 't', state, 1, '{{}}'::json, '[]'::json,
           NULL::json, NULL, NULL, timestamptz '{NOW.isoformat()}', NULL::timestamptz, 1, 1
    FROM generate_series(1, {OWNERS}) o, generate_series(1, {KINDS}) k, unnest(ARRAY['pending', 'queued', 'running', 'succeeded', 'cancelled']) state
    WHERE o <> 7 OR state <> 'cancelled'
    UNION ALL
    SELECT 'f-' || o || '-' || h, 'kind_1', 'normal', 'u' || o, 't', 'failed', 1, '{{}}'::json, '[]'::json,
           json_build_object('code', 'raised', 'message', 'hour ' || h), 'raised', 'aaaa', timestamptz '{NOW.isoformat()}',
           timestamptz '{NOW.isoformat()}' - h * interval '1 hour', 1, 1
    FROM generate_series(1, {OWNERS}) o, generate_series(0, 47) h
    UNION ALL
    SELECT 'g-' || o, 'kind_2', 'normal', 'u' || o, 't', 'failed', 1, '{{}}'::json, '[]'::json,
           json_build_object('code', 'timeout', 'message', 'late'), 'timeout', 'bbbb', timestamptz '{NOW.isoformat()}',
           timestamptz '{NOW.isoformat()}' - interval '1 hour' - o * interval '1 second', 1, 1
    FROM generate_series(1, 3) o
    UNION ALL
    SELECT 'h-1', 'kind_2', 'normal', 'u1', 't', 'failed', 1, '{{}}'::json, '[]'::json,
           json_build_object('code', 'raised', 'message', 'old'), 'raised', 'cccc', timestamptz '{NOW.isoformat()}',
           timestamptz '{NOW.isoformat()}' - interval '7 days', 1, 1
"""


@pytest.fixture(scope="module")
async def url(make_database: Callable[[], Awaitable[str]]) -> str:
    url = await make_database()
    session = await LeaderSession.connect(url)
    await session.connection.execute(SEED)
    await count_all(session)
    await session.connection.execute("ANALYZE")
    session.close()
    return url


@pytest.fixture
async def session(url: str) -> AsyncGenerator[AsyncSession]:
    config = sqlalchemy_config(DatabaseSettings(url=url))
    async with config.create_session_maker()() as session:
        yield session
    await config.get_engine().dispose()


async def test_counts_are_read_of_an_owner_of_several_and_of_everybody(session: AsyncSession) -> None:
    mine = await read_counts(session, "u1")
    assert mine.counts == Counts(pending=5, queued=5, running=5, succeeded=5, failed=50, cancelled=5)
    assert mine.kinds["kind_2"] == Counts(pending=1, queued=1, running=1, succeeded=1, failed=2, cancelled=1)
    of_all = await read_counts(session)
    assert of_all.counts.queued == OWNERS * KINDS
    assert of_all.counts.failed == OWNERS * 48 + 4
    both = await read_counts_of(session, ["u7", "nobody"])
    assert both["u7"].counts.cancelled == 0
    assert (both["nobody"].counts, both["nobody"].kinds) == (Counts(), {})


async def test_the_busiest_owners_come_first(session: AsyncSession) -> None:
    assert await list_busiest(session, 2) == [Busy("u1", KINDS, KINDS), Busy("u10", KINDS, KINDS)]


async def test_failures_that_are_alike_are_one_group_the_newest_first(session: AsyncSession) -> None:
    groups, more = await list_failure_groups(session, "u1", FailureFilter(), NOW, None, 10)
    assert more is None
    assert [(each.fingerprint, each.count, each.code, each.kind) for each in groups] == [
        ("aaaa", 48, "raised", "kind_1"),
        ("bbbb", 1, "timeout", "kind_2"),
        ("cccc", 1, "raised", "kind_2"),
    ]
    newest, late, old = groups
    assert (newest.newest, newest.message, newest.owners) == ("f-1-0", "hour 0", 1)
    assert (newest.first_at, newest.last_at) == (NOW - timedelta(hours=47), NOW)
    assert newest.per_hour == [1] * HOURS_SHOWN
    assert late.per_hour == [0] * (HOURS_SHOWN - 2) + [1, 0]
    assert old.per_hour == [0] * HOURS_SHOWN


async def test_groups_of_everybody_say_how_many_owners_they_have(session: AsyncSession) -> None:
    groups, _ = await list_failure_groups(session, EVERYBODY, FailureFilter(), NOW, None, 10)
    assert [(each.fingerprint, each.count, each.owners) for each in groups] == [
        ("aaaa", OWNERS * 48, OWNERS),
        ("bbbb", 3, 3),
        ("cccc", 1, 1),
    ]
    assert groups[0].per_hour == [OWNERS] * HOURS_SHOWN
    assert (groups[1].newest, groups[1].newest_owner) == ("g-1", "u1")


async def test_pages_of_groups_have_each_group_once(session: AsyncSession) -> None:
    found, after = list[str](), None
    for _ in range(3):
        groups, after = await list_failure_groups(session, "u1", FailureFilter(), NOW, after, 1)
        found += [each.fingerprint for each in groups]
    assert (found, after) == (["aaaa", "bbbb", "cccc"], None)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (FailureFilter(kind="kind_2"), [("bbbb", 1), ("cccc", 1)]),
        (FailureFilter(code="raised"), [("aaaa", 48), ("cccc", 1)]),
        (FailureFilter(fingerprint="bbbb"), [("bbbb", 1)]),
        (FailureFilter(since=datetime(2030, 6, 1, 11, tzinfo=UTC)), [("aaaa", 2), ("bbbb", 1)]),
        (FailureFilter(kind="nothing"), []),
    ],
)
async def test_groups_can_be_filtered(
    session: AsyncSession, wanted: FailureFilter, found: list[tuple[str, int]]
) -> None:
    groups, _ = await list_failure_groups(session, "u1", wanted, NOW, None, 10)
    assert [(each.fingerprint, each.count) for each in groups] == found
