"""What SQL makes of a filter is what the filter says, for lists, counts and bulk actions alike."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from headrace.contracts.filters import Filter
from headrace.contracts.positions import Position
from headrace.contracts.tasks import State
from headrace.store import filtered_tasks
from headrace.store.engine import sqlalchemy_url
from headrace.store.filtered_tasks import count_matched, count_tasks, find_page, select_page
from headrace.store.filters import conditions_of
from headrace.store.leadership import LeaderSession
from headrace.store.projection import FoldedPage, Projection
from headrace.store.tables import EVERYBODY, TaskRow
from headrace.store.task_orders import Order
from headrace.store.tasks import list_tasks
from headrace.store.title_words import PATTERNS_MAX
from tests.examples import examples
from tests.unit.store.filtered_rows import OWNERS, filters_for, make_batches, make_rows, one_or_two_fields, selects

ROWS = make_rows(250)
FIELDS = st.lists(st.sampled_from(Filter.__struct_fields__), min_size=1, max_size=3, unique=True)
PAGE = 7


@pytest.fixture(scope="module")
async def engine(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[AsyncEngine]:
    url = await make_database()
    session = await LeaderSession.connect(url)
    await Projection(session).write_page(FoldedPage(tasks=ROWS, batches=make_batches()), Position(1, 60))
    session.close()
    engine = create_async_engine(sqlalchemy_url(url))
    yield engine
    await engine.dispose()


@pytest.fixture
def few_are_probed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a list look through few tasks in order, and sort those that it finds in any order when more than five match."""
    monkeypatch.setattr(filtered_tasks, "WALKED_FIRST", 8)
    monkeypatch.setattr(filtered_tasks, "WALKED_FIRST_OF_ALL", 10)
    monkeypatch.setattr(filtered_tasks, "WALKED_MAX", 12)
    monkeypatch.setattr(filtered_tasks, "COUNTED_MAX", 5)


@settings(examples(150), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    owner=st.sampled_from((*OWNERS, EVERYBODY, "nobody")),
    whole=filters_for(ROWS),
    fields=FIELDS,
    order=st.sampled_from(Order),
    final=st.sampled_from((None, True, False)),
)
@pytest.mark.usefixtures("few_are_probed")
async def test_lists_counts_and_bulk_actions_select_what_the_filter_says(
    engine: AsyncEngine, owner: str, whole: Filter, fields: list[str], order: Order, final: bool | None
) -> None:
    wanted = one_or_two_fields(whole, fields)
    selected = [each for each in ROWS if selects(owner, wanted, each) and final in (None, State(each.state).final)]
    conditions = conditions_of(owner, wanted).within(state for state in State if final in (None, state.final))
    async with AsyncSession(engine) as session:
        assert await count_tasks(session, conditions) == len(selected)
        assert await count_tasks(session, conditions, 3) == min(len(selected), 3)
        first = await select_page(session, conditions, order, None, PAGE)
        for matched in (first.matched, await count_matched(session, conditions, first.walked)):
            assert matched is None or matched.number == len(selected) or not matched.exact
            assert matched is None or matched.number <= len(selected)
        listed, after = list[str](), None
        while True:
            page, after = await list_tasks(session, conditions, order, after, PAGE)
            listed += [task.id for task in page]
            if after is None:
                break
    assert listed == [each.id for each in in_order(selected, order)]


def in_order(rows: list[TaskRow], order: Order) -> list[TaskRow]:
    column, direction = order.value

    def key(each: TaskRow) -> tuple[Any, str]:
        return getattr(each, column), each.id

    known = [each for each in rows if getattr(each, column) is not None]
    return sorted(known, key=key, reverse=direction == "DESC")


async def test_a_search_may_have_more_words_than_there_are_patterns_for(engine: AsyncEngine) -> None:
    for words in (PATTERNS_MAX, PATTERNS_MAX + 1):
        wanted = Filter(q=" ".join(["essays"] * (words - 1) + ["ess"]))
        expected = {each.id for each in ROWS if selects("u1", wanted, each)}
        async with AsyncSession(engine) as session:
            found = await find_page(session, conditions_of("u1", wanted), Order.NEWEST, None, len(ROWS))
        assert {each.id for each in found} == expected != set()


async def test_a_filter_that_names_nothing_selects_every_task_of_the_owner(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        for owner in OWNERS:
            found = await count_tasks(session, conditions_of(owner, Filter(q="  ", kind=[], labels={})))
            assert found == sum(each.owner == owner for each in ROWS)
