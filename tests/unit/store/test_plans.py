"""Every filter that lists and selections offer, alone and in pairs, is served by an index: read from Postgres' own plans."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, AsyncSession, create_async_engine

from headrace.contracts.batches import BatchState
from headrace.contracts.filters import Filter
from headrace.contracts.positions import Position
from headrace.contracts.tasks import FailureCode, State
from headrace.store import activity, batch_detail, batches, schedules, task_detail, tasks
from headrace.store.cursors import Cursor, DurationCursor
from headrace.store.earlier import find_place
from headrace.store.engine import sqlalchemy_url
from headrace.store.filtered_tasks import WALKED_MAX, count_matched, count_tasks, find_page
from headrace.store.filters import conditions_of
from headrace.store.tables import COUNTERS, EVERYBODY
from headrace.store.task_orders import Order, Place

TASKS = 300_000
PAGE = 50
OWNER = "u1"
BEGIN = datetime(2030, 1, 1, tzinfo=UTC)  # a task was created each second from here on

# Of a hundred tasks, 80 have succeeded, 10 wait, 5 failed, 3 run and 2 were cancelled. Of a thousand, one is of the rare kind.
# Every third task is in the large batch, every hundredth in one of many small ones, every fiftieth of one of 20 schedules. Another owner has a
# tenth as many, and no schedules. What most of its titles and labels say, hardly any of the first owner's do.
SEED = f"""
    INSERT INTO tasks (id, kind, priority, owner, title, labels, batch, schedule, state, attempt, input, files, error, code, created_at,
                       queued_at, started_at, finished_at, wait_seconds, run_seconds, epoch, sequence)
    SELECT 't' || n, CASE WHEN n % 1000 = 7 THEN 'rare' ELSE 'common' END, 'normal',
           CASE WHEN n > {TASKS} THEN 'u2' ELSE '{OWNER}' END,
           CASE WHEN (n > {TASKS}) <> (n % 5000 = 8) THEN 'a letter' ELSE 'an essay' END,
           CASE WHEN (n > {TASKS}) <> (n % 5000 = 8) THEN ARRAY['env=test', 'team=all'] ELSE ARRAY['team=all'] END,
           CASE WHEN n % 3 = 0 THEN 'large' WHEN n % 100 = 1 THEN 'small' || n / 10000 END,
           CASE WHEN n % 50 = 9 AND n <= {TASKS} THEN 's' || n % 1000 * 1000 END, s.state, 1, '{{"text": "an input"}}', '[]', CASE WHEN s.code IS NOT NULL THEN json_build_object('code', s.code, 'message', '') END,
           s.code, s.at, s.at, s.at, CASE WHEN n % 100 < 87 THEN s.at + interval '5 seconds' END,
           CASE WHEN n % 100 < 87 OR n % 100 > 96 THEN n % 60 END, CASE WHEN n % 100 < 87 THEN n::bigint * 7919 % 100000 / 1000.0 END, 1, n
    FROM generate_series(1, {TASKS * 11 // 10}) n, LATERAL (
        SELECT timestamptz '{BEGIN.isoformat()}' + n * interval '1 second' AS at,
               CASE WHEN n % 100 < 80 THEN 'succeeded' WHEN n % 100 < 85 THEN 'failed' WHEN n % 100 < 87 THEN 'cancelled'
                    WHEN n % 100 < 95 THEN 'queued' WHEN n % 100 < 97 THEN 'pending' ELSE 'running' END AS state,
               CASE WHEN n % 5000 = 83 THEN 'timeout' WHEN n % 100 BETWEEN 80 AND 84 THEN 'raised' END AS code
    ) s
"""
SEED_BATCHES = f"""
    INSERT INTO batches (id, kind, priority, owner, total, pending, queued, running, succeeded, failed, cancelled, state,
                         created_at, settled_sequence, epoch, sequence)
    SELECT CASE WHEN n = 0 THEN 'large' ELSE 'small' || n END, CASE WHEN n % 1000 = 7 THEN 'rare' ELSE 'common' END, 'low',
           CASE WHEN n % 10 = 9 THEN 'u2' ELSE '{OWNER}' END, 1, 0, 0, 0, 1, 0, 0, CASE WHEN n % 1000 = 5 THEN 'open' ELSE 'settled' END,
           timestamptz '{BEGIN.isoformat()}' + n * interval '1 second', 0, 1, n
    FROM generate_series(0, 30000) n
"""
SEED_EVENTS = f"""
    INSERT INTO task_events (epoch, sequence, task, event, at, attempt, data)
    SELECT 1, n, 't' || n % {TASKS}, 'queued', '{BEGIN.isoformat()}', 1, '{{}}' FROM generate_series(1, {TASKS}) n
"""
SEED_SCHEDULES = f"""
    INSERT INTO schedules (id, owner, definition, created_at, updated_at, epoch, sequence)
    SELECT 's' || n, CASE WHEN n % 1000 = 0 THEN '{OWNER}' ELSE 'other' || n / 1000 END, '{{"kind": "common", "input": {{}}, "every": 60}}',
           timestamptz '{BEGIN.isoformat()}' + n * interval '1 second', '{BEGIN.isoformat()}', 1, n
    FROM generate_series(1, 100000) n
"""

# Of each of ten owners and two kinds, ninety days of hours and two days of minutes.
SEED_ACTIVITY = f"""
    INSERT INTO activity (owner, at, kind, minutes, {", ".join(COUNTERS)})
    SELECT 'u' || o, CASE WHEN n < 2160 THEN timestamptz '{BEGIN.isoformat()}' + n * interval '1 hour'
                          ELSE timestamptz '{BEGIN.isoformat()}' + interval '90 days' + (n - 2160) * interval '1 minute' END,
           k, CASE WHEN n < 2160 THEN 60 ELSE 1 END, {", ".join("1" for _ in COUNTERS)}
    FROM generate_series(1, 10) o, unnest(ARRAY['common', 'rare']) k, generate_series(0, 5039) n
"""


class Read(NamedTuple):
    """What a plan did."""

    query: str
    rows: int
    sorted_rows: int
    nodes: list[str]


@pytest.fixture(scope="module")
async def seeded(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[AsyncEngine]:
    engine = create_async_engine(sqlalchemy_url(await make_database()))
    async with engine.begin() as connection:
        for seed in (SEED, SEED_BATCHES, SEED_EVENTS, SEED_SCHEDULES, SEED_ACTIVITY):
            await connection.execute(text(seed))
    async with engine.connect() as connection:
        await connection.execution_options(isolation_level="AUTOCOMMIT")
        await connection.execute(text("VACUUM ANALYZE"))
    yield engine
    await engine.dispose()


async def reads(
    engine: AsyncEngine, query: Callable[..., Awaitable[object]], *arguments: Any, **named: Any
) -> list[Read]:
    """Run a query of the store, and return what Postgres says of each of its statements."""
    statements: list[tuple[str, Any]] = []

    def note(_c: object, _cursor: object, statement: str, parameters: Any, *_: object) -> None:
        statements.append((statement, parameters))

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    async with AsyncSession(engine) as session:
        await query(session, *arguments, **named)
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    async with engine.connect() as connection:
        return [await _explain(connection, *each) for each in statements]


async def _explain(connection: AsyncConnection, statement: str, parameters: Any) -> Read:
    driver: Any = (await connection.get_raw_connection()).driver_connection
    plan: Any = (await driver.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}", *parameters))[0]["Plan"]
    nodes = list(_nodes(plan))
    return Read(
        query=statement,
        rows=sum(_rows(node) for node in nodes if "Scan" in node["Node Type"] and "Relation Name" in node),
        sorted_rows=sum(_rows(node["Plans"][0]) for node in nodes if "Sort" in node["Node Type"]),
        nodes=[f"{node['Node Type']} {node.get('Index Name', '')}" for node in nodes],
    )


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for below in plan.get("Plans", ()):
        yield from _nodes(below)


def _rows(node: dict[str, Any]) -> int:
    removed = sum(count for name, count in node.items() if name.startswith("Rows Removed by"))
    return round((node["Actual Rows"] + removed) * node["Actual Loops"])


@pytest.mark.slow
async def test_a_list_reads_a_page_of_each_state_whatever_the_filters(seeded: AsyncEngine) -> None:
    cursor = Cursor(BEGIN + timedelta(seconds=TASKS // 2), "t")
    kinds, in_batches = (None, "common", "rare", "none"), (None, "large", "small3", "none")
    for state, kind, batch, after in itertools.product((None, *State), kinds, in_batches, (None, cursor)):
        wanted = Filter(state=[state] if state else [], kind=[kind] if kind else [], batch=batch)
        for read in await reads(
            seeded, find_page, conditions_of(OWNER, wanted), Order.NEWEST, after and Place(*after), PAGE
        ):
            assert_bounded(read, len(State) * (PAGE + 1), (wanted, after))


@pytest.mark.slow
async def test_a_list_by_duration_reads_a_page_of_each_state_whatever_the_filters(seeded: AsyncEngine) -> None:
    places, kinds, durations = (None, DurationCursor(50.0, "t")), (None, "common", "rare", "none"), (None, 1.0, 99.99)
    orders = {"slower_than": Order.LONGEST_RUN, "waited_longer_than": Order.LONGEST_WAIT}
    for field, order in orders.items():
        for state, kind, longer, after in itertools.product((None, *State), kinds, durations, places):
            wanted = Filter(**{field: longer}, state=[state] if state else [], kind=[kind] if kind else [])
            place = after and Place(*after)
            for read in await reads(seeded, find_page, conditions_of(OWNER, wanted), order, place, PAGE):
                assert_bounded(read, len(State) * (PAGE + 1), (wanted, after))


@pytest.mark.slow
async def test_a_list_of_batches_reads_a_page_of_each_state_whatever_the_filters(seeded: AsyncEngine) -> None:
    cursor = Cursor(BEGIN + timedelta(seconds=15_000), "b")
    kinds, owners = (None, "common", "rare", "none"), (OWNER, "u2", "none", EVERYBODY)
    for state, kind, after, owner in itertools.product((None, *BatchState), kinds, (None, cursor), owners):
        wanted = batches.BatchFilter(state=state, kind=kind)
        for read in await reads(seeded, batches.list_newest, owner, wanted, after, PAGE):
            assert_bounded(read, len(BatchState) * (PAGE + 1), (owner, wanted, after))


@pytest.mark.slow
async def test_schedules_and_a_timeline_are_read_alone(seeded: AsyncEngine) -> None:
    of_owner = 200  # a hundred are the owner's
    for read in await reads(seeded, schedules.list_oldest, OWNER, BEGIN):
        assert_bounded(read, of_owner, "schedules")
    for read in await reads(seeded, schedules.count_schedules, OWNER):
        assert_bounded(read, of_owner, "number of schedules")
    shown = [f"s{n}000" for n in range(9, 1000, 50)]
    for read in await reads(seeded, schedules.list_recent_runs, OWNER, shown, 12):
        assert_bounded(read, 12 * len(shown), "latest tasks of schedules")
    for read in await reads(seeded, tasks.list_timeline, "t5"):
        assert_bounded(read, 10, "timeline")


@pytest.mark.slow
async def test_the_pages_of_a_task_and_of_a_batch_read_what_they_show(seeded: AsyncEngine) -> None:
    # The last of the many that wait, in the lane of all of them.
    for read in await reads(seeded, find_place, f"t{TASKS - 10}", 5000):
        assert_bounded(read, 5002, "what stands before a task")
    async with AsyncSession(seeded) as session:
        task = await task_detail.find_task(session, OWNER, "t150001")
        batch = await batch_detail.find_batch(session, OWNER, "large")
    assert task is not None
    assert batch is not None
    for read in await reads(seeded, task_detail.find_neighbours_of_kind, task):
        assert_bounded(read, len(State), "the neighbours of a task")
    for read in await reads(seeded, batch_detail.list_slowest, "large", 5):
        assert_bounded(read, 5, "the slowest of a batch")
    for read in await reads(seeded, batch_detail.list_failed_alike, batch, 10):
        assert_bounded(read, batch_detail.FAILURES_READ_MAX + 10, "what failed in a batch")
    for read in await reads(seeded, batch_detail.read_ends, batch, BEGIN):
        assert_bounded(read, batch_detail.ENDS_READ_MAX, "what ended lately")


@pytest.mark.slow
async def test_activity_reads_what_its_span_has(seeded: AsyncEngine) -> None:
    newest = BEGIN + timedelta(days=92)
    for since, step, rows in ((timedelta(hours=24), 60, 1440), (timedelta(days=2), 3600, 2880)):
        for kind in (None, "rare"):
            span = activity.Span.around(newest - since, newest, timedelta(seconds=step))
            for read in await reads(seeded, activity.read_activity, OWNER, kind, span, Position(1, 1)):
                assert_bounded(read, 2 * rows + 2, (since, kind))
    for read in await reads(seeded, activity.read_kinds_since, newest - timedelta(hours=1)):
        assert_bounded(read, 20 * 61, "the last hour of all owners")


LATE, EARLY = BEGIN + timedelta(seconds=TASKS - 1000), BEGIN + timedelta(seconds=1000)
SELECTED: dict[str, tuple[Any, ...]] = {
    "kind": (["common"], ["rare"]),
    "state": ([State.FAILED], [State.QUEUED], [State.SUCCEEDED]),
    "code": ([FailureCode.RAISED], [FailureCode.TIMEOUT], [FailureCode.EXPIRED]),
    "batch": ("large", "small3"),
    "created_from": (LATE,),
    "created_before": (EARLY,),
    "finished_from": (LATE,),
    "finished_before": (EARLY,),
}
MOST = TASKS // 4  # a count of as many rows may read the table, which is the shortest way
FEW = 20_000  # rows that one filter of a pair selects, when Postgres reads those and applies the other filter to them


def filters_by_one_or_two() -> Iterator[Filter]:
    for names in (*itertools.combinations(SELECTED, 2), *((name,) for name in SELECTED)):
        for values in itertools.product(*(SELECTED[name] for name in names)):
            yield Filter(**dict(zip(names, values, strict=True)))


@pytest.mark.slow
async def test_a_selection_reads_little_more_than_it_selects(seeded: AsyncEngine) -> None:
    for wanted, final in itertools.product(filters_by_one_or_two(), (True, False)):
        conditions = conditions_of(OWNER, wanted).within(state for state in State if state.final is final)
        async with AsyncSession(seeded) as session:
            selected = await count_tasks(session, conditions)
        if selected < MOST:
            for counting in await reads(seeded, count_tasks, conditions):
                assert_bounded(counting, selected + FEW, wanted, sorts=FEW)
        for read in await reads(seeded, find_page, conditions, Order.OLDEST, None, PAGE):
            # A thousand of a tenth of the tasks are also found by reading the table.
            assert read.rows <= FEW, (wanted, read)


@pytest.mark.slow
async def test_a_search_reads_little_of_what_other_owners_have(seeded: AsyncEngine) -> None:
    searched = (
        *({"q": words} for words in ("letter", "lett", "essay", "nothing", f"essay t{TASKS // 2}")),
        *({"labels": {key: value}} for key, value in (("env", "test"), ("team", "all"), ("env", "none"))),
    )
    others = ({}, {"kind": ["rare"]}, {"state": [State.FAILED]}, {"code": [FailureCode.TIMEOUT]}, {"batch": "small3"})
    for owner, one, other in itertools.product((OWNER, "u2", "none"), searched, others):
        # The tasks that have not ended are in no index of words: they are walked through.
        conditions = conditions_of(owner, Filter(**one, **other)).within(state for state in State if state.final)
        for order in (Order.NEWEST, Order.LONGEST_RUN):
            for read in await reads(seeded, find_page, conditions, order, None, PAGE):
                assert_bounded(read, WALKED_MAX + len(State), (owner, one, other), sorts=WALKED_MAX)
        for read in await reads(seeded, count_matched, conditions):
            assert_bounded(read, WALKED_MAX + len(State), (owner, one, other), sorts=WALKED_MAX)


@pytest.mark.slow
async def test_what_many_tasks_have_is_found_among_the_first_ones_of_all_owners(seeded: AsyncEngine) -> None:
    for one in (
        {"q": "letter"},
        {"labels": {"env": "test"}},
        {"labels": {"team": "all"}},
        {"code": [FailureCode.RAISED]},
    ):
        conditions = conditions_of(EVERYBODY, Filter(**one))
        for query, arguments in ((find_page, (Order.NEWEST, None, PAGE)), (count_matched, ())):
            for read in await reads(seeded, query, conditions, *arguments):
                # Of each state some tasks are read ahead, because those of the same time are sorted.
                assert_bounded(read, WALKED_MAX + 50 * len(State), one, sorts=WALKED_MAX + 50 * len(State))


@pytest.mark.slow
async def test_the_tasks_of_a_batch_are_read_by_how_long_they_ran(seeded: AsyncEngine) -> None:
    for owner, other in itertools.product((OWNER, "u2", EVERYBODY), ({}, {"kind": ["common"]}, {"slower_than": 50.0})):
        conditions = conditions_of(owner, Filter(batch="large", **other))
        for read in await reads(seeded, find_page, conditions, Order.LONGEST_RUN, None, PAGE):
            assert_bounded(read, PAGE + 5, (owner, other))


def assert_bounded(read: Read, rows: int, what: object, sorts: int | None = None) -> None:
    assert not [node for node in read.nodes if node.startswith("Seq Scan")], (what, read)
    assert read.rows <= rows, (what, read)
    assert read.sorted_rows <= (rows if sorts is None else sorts), (what, read)
