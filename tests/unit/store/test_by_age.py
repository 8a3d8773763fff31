"""Lists merge the pages of several states into one order, and pages follow each other without a gap or a repeat."""

from __future__ import annotations

import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import timedelta
from typing import Literal

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from headrace.contracts.positions import Position
from headrace.contracts.tasks import FailureCode, Selection, State
from headrace.store import selections, tasks
from headrace.store.cursors import DurationCursor
from headrace.store.engine import sqlalchemy_url
from headrace.store.leadership import LeaderSession
from headrace.store.projection import FoldedPage, Projection
from headrace.store.tables import TaskRow
from tests.unit.store.test_projection import AT, row

STATES, KINDS, BATCHES = list(State), ("echo", "other"), (None, "b1", "b2")
# Two tasks each were made at the same time, so that their ids decide.
ROWS = [
    row(
        n,
        id=f"t{n * 37 % 60:02}",
        state=STATES[n * 7 % 6],
        kind=KINDS[n % 5 == 0],
        batch=BATCHES[n % 3],
        created_at=AT + timedelta(seconds=n // 2),
        finished_at=AT + timedelta(seconds=100 - n) if STATES[n * 7 % 6].final else None,
        error='{"code": "raised", "message": "a\\u0000b"}' if STATES[n * 7 % 6] is State.FAILED else None,
        code=FailureCode.RAISED if STATES[n * 7 % 6] is State.FAILED else None,
        wait_seconds=n // 3 / 7 if n % 4 else None,
        run_seconds=n * 11 % 30 / 7 if STATES[n * 7 % 6].final else None,
    )
    for n in range(60)
]


@pytest.fixture
async def engine(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[AsyncEngine]:
    url = await make_database()
    session = await LeaderSession.connect(url)
    await Projection(session).write_page(FoldedPage(tasks=ROWS), Position(1, 60))
    session.close()
    engine = create_async_engine(sqlalchemy_url(url))
    yield engine
    await engine.dispose()


def age(of: TaskRow) -> tuple[object, str]:
    return of.created_at, of.id


async def test_pages_of_a_list_follow_each_other_newest_first_whatever_the_filters(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        for state, kind, batch in itertools.product((None, *State), (None, *KINDS), BATCHES):
            expected = [
                each.id
                for each in sorted(ROWS, key=age, reverse=True)
                if state in (None, each.state) and kind in (None, each.kind) and batch in (None, each.batch)
            ]
            wanted, listed, after = tasks.TaskFilter(state, kind, batch), list[str](), None
            while True:
                page, after = await tasks.list_newest(session, "u1", wanted, after, 7)
                listed += [task.id for task in page]
                if after is None:
                    break
            assert listed == expected, wanted


@pytest.mark.parametrize("duration", ["run_seconds", "wait_seconds"])
async def test_pages_of_a_list_by_duration_follow_each_other_the_longest_first(
    engine: AsyncEngine, duration: Literal["run_seconds", "wait_seconds"]
) -> None:
    async with AsyncSession(engine) as session:
        for state, kind, longer in itertools.product((None, *State), (None, *KINDS), (None, 0.0, 1.0, 1e300)):
            expected = [
                (getattr(each, duration), each.id)
                for each in ROWS
                if state in (None, each.state) and kind in (None, each.kind) and getattr(each, duration) is not None
            ]
            expected = sorted((each for each in expected if longer is None or each[0] > longer), reverse=True)
            wanted = tasks.LongestFilter(duration, longer, state, kind)
            listed, after = list[tuple[float, str]](), None
            while True:
                page, after = await tasks.list_longest(session, "u1", wanted, after, 7)
                listed += [(getattr(task, duration), task.id) for task in page]
                if after is None:
                    break
                after = DurationCursor.parse(str(after))
            assert listed == expected, wanted


@pytest.mark.parametrize(
    ("selection", "selected"),
    [
        (Selection(), lambda _: True),
        (Selection(code=FailureCode.RAISED), lambda task: task.code == "raised"),
        (Selection(state=State.FAILED, kind="echo"), lambda task: task.state == State.FAILED and task.kind == "echo"),
        (Selection(batch="b1"), lambda task: task.batch == "b1"),
        (
            Selection(finished_from=AT + timedelta(seconds=60)),
            lambda task: task.finished_at is not None and task.finished_at >= AT + timedelta(seconds=60),
        ),
        (Selection(created_before=AT + timedelta(seconds=9)), lambda task: task.created_at < AT + timedelta(seconds=9)),
    ],
)
async def test_a_selection_names_its_oldest_tasks_first(
    engine: AsyncEngine, selection: Selection, selected: Callable[[TaskRow], bool]
) -> None:
    async with AsyncSession(engine) as session:
        for final in (True, False):
            expected = [
                each.id for each in sorted(ROWS, key=age) if State(each.state).final is final and selected(each)
            ]
            assert await selections.count_selected(session, "u1", selection, final=final) == len(expected)
            listed = await selections.list_oldest_selected(session, "u1", selection, 8, final=final)
            assert listed == expected[:8]


async def test_a_batch_of_another_kind_has_no_tasks(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        page, after = await tasks.list_newest(session, "u1", tasks.TaskFilter(None, "none", "b1"), None, 7)
    assert (page, after) == ([], None)
