"""How many tasks the list of tasks says that there are, from the table of counts or counted up to a bound."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.datastructures import MultiDict
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from headrace.api.bff.composition import Composed, compose
from headrace.api.bff.last_good import Key, LastGood
from headrace.api.bff.task_list import Asked, facets_of, show_task_list
from headrace.contracts.batches import Counts
from headrace.contracts.counts import OwnerCounts
from headrace.contracts.filters import Filter
from headrace.contracts.positions import Position
from headrace.contracts.screens.tasks import Matched, TasksV1
from headrace.contracts.tasks import State
from headrace.store import filtered_tasks
from headrace.store.engine import sqlalchemy_url
from headrace.store.filters import conditions_of
from headrace.store.leadership import LeaderSession
from headrace.store.projection import FoldedPage, Projection
from headrace.store.tables import EVERYBODY
from headrace.store.tally import count_all
from tests.unit.store.filtered_rows import OWNERS, make_batches, make_rows, selects

ROWS = make_rows(60)
KINDS = st.sampled_from(("echo", "other", "third"))
counted = st.dictionaries(KINDS, st.builds(Counts, **{state.value: st.integers(0, 9) for state in State}))


@given(counted, st.lists(KINDS, max_size=3, unique=True), st.lists(st.sampled_from(State), max_size=3, unique=True))
def test_facets_say_what_another_state_or_another_kind_would_select(
    kinds: dict[str, Counts], wanted_kinds: list[str], states: list[State]
) -> None:
    whole = Counts(**{state.value: sum(getattr(each, state) for each in kinds.values()) for state in State})
    found = OwnerCounts(counts=whole, kinds=kinds)
    facets = facets_of(found, conditions_of("u1", Filter(kind=wanted_kinds, state=states)))
    for state in State:
        of_kinds = (getattr(each, state) for kind, each in kinds.items() if not wanted_kinds or kind in wanted_kinds)
        assert getattr(facets.state, state) == sum(of_kinds)
    in_states = {kind: sum(getattr(each, state) for state in states or State) for kind, each in kinds.items()}
    assert facets.kind == {kind: count for kind, count in in_states.items() if count}
    assert list(facets.kind) == sorted(facets.kind)


@pytest.fixture(scope="module")
async def engine(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[AsyncEngine]:
    url = await make_database()
    session = await LeaderSession.connect(url)
    await Projection(session).write_page(FoldedPage(tasks=ROWS, batches=make_batches()), Position(1, 60))
    await count_all(session)
    session.close()
    engine = create_async_engine(sqlalchemy_url(url))
    yield engine
    await engine.dispose()


async def show(engine: AsyncEngine, owner: str, **query: Any) -> TasksV1:
    """Return the page of an owner."""

    @asynccontextmanager
    async def snapshot(**_: object) -> AsyncGenerator[AsyncSession]:
        # A session tells which statements it runs.
        async with AsyncSession(engine) as session:
            yield session

    async def compose_only(_request: Any, _screen: Any, build: Callable[[Composed], TasksV1], *sources: Any) -> TasksV1:
        return build(await compose(LastGood(), Key(owner, "key:1", "TasksV1", b""), *sources))

    api = SimpleNamespace(
        screens=SimpleNamespace(show=compose_only),
        read_model=SimpleNamespace(snapshot=snapshot),
        log=SimpleNamespace(epoch=1),
    )
    request: Any = SimpleNamespace(
        query_params=MultiDict(query), app=SimpleNamespace(state={"api": api}), scope={"state": {}}
    )
    shown: Any = await show_task_list(request, owner, Asked(None, 50, None, None), show_owners=False)
    assert shown.stale == []
    return shown


@pytest.mark.parametrize("owner", [*OWNERS, EVERYBODY])
@pytest.mark.parametrize("query", [{}, {"state": "failed"}, {"kind": "echo"}, {"kind": "none"}])
async def test_kept_counts_are_read_once_and_say_exactly_how_many_there_are(
    engine: AsyncEngine, owner: str, query: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(filtered_tasks, "COUNTED_MAX", 1)
    statements: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", note)
    shown = await show(engine, owner, **query)
    event.remove(engine.sync_engine, "before_cursor_execute", note)
    assert sum("FROM counts" in each for each in statements) == 1
    wanted = Filter(**{name: [value] for name, value in query.items()})  # pyright: ignore[reportArgumentType]
    assert shown.matched == Matched(count=sum(selects(owner, wanted, each) for each in ROWS), exact=True)
    assert shown.facets is not None


async def test_a_finer_filter_is_counted_up_to_a_bound_and_has_no_facets(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    there_are = sum(selects("u1", Filter(labels={"customer": "42"}), each) for each in ROWS)
    for at_most, count, exact in (
        (there_are - 1, there_are - 1, False),
        (there_are, there_are, True),
        (999, there_are, True),
    ):
        monkeypatch.setattr(filtered_tasks, "COUNTED_MAX", at_most)
        shown = await show(engine, "u1", label="customer=42")
        assert (shown.matched, shown.facets) == (Matched(count=count, exact=exact), None)
        assert shown.items is not None
        assert len(shown.items) == there_are
