from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import event, text
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, create_async_engine

from headrace.api.bff.rows import RowBuilder, batch_rows, task_rows
from headrace.contracts.filters import Filter
from headrace.contracts.positions import Position
from headrace.contracts.screens.envelope import Ref
from headrace.contracts.tasks import FailureCode, Progress
from headrace.store import batches, tasks
from headrace.store.engine import sqlalchemy_url
from headrace.store.filters import conditions_of
from headrace.store.leadership import LeaderSession
from headrace.store.projection import FoldedPage, Projection
from headrace.store.tables import BatchRow, EventRow, ScheduleRow
from headrace.store.task_orders import Order
from headrace.store.users import insert_user
from tests.unit.store.identity_rows import make_user
from tests.unit.store.test_projection import AT, row

BATCH = BatchRow(
    id="b1", kind="echo", priority="low", owner="u1", name="Class 9b", total=9, state="open", created_at=AT, epoch=1, sequence=1,
    labels=["customer=42"],
)  # fmt: skip
SCHEDULE = ScheduleRow(
    id="s1", owner="u1", definition='{"kind": "echo", "name": "Every day", "input": {}, "every": 60}', created_at=AT,
    updated_at=AT, announced_at=None, last_at=None, last_task=None, epoch=1, sequence=1,
)  # fmt: skip
TASKS = [
    row(
        1,
        id="t1",
        state="running",
        batch="b1",
        schedule="s1",
        progress='{"fraction": 0.5, "message": "half\\u001b[2J"}',
        labels=["customer=42"],
    ),
    row(2, id="t2", batch="gone", schedule="gone", title="", wait_seconds=0.5, run_seconds=2.5),
    row(
        3,
        id="t3",
        state="failed",
        error='{"code": "raised", "message": "no\\u0000 \u202eexe\\nway", "traceback": "long"}',
        code="raised",
    ),
    *(row(n, id=f"t{n}", state="running", batch="b1", schedule="s1") for n in range(4, 20)),
]


def started(sequence: int, task: str, worker: str) -> EventRow:
    return EventRow(
        task=task, event="started", at=AT, attempt=1, data=f'{{"worker": "{worker}"}}', epoch=1, sequence=sequence
    )


EVENTS = [started(5, "t1", "w1"), started(7, "t1", "w2"), started(8, "t3", "w3")]


@pytest.fixture
async def engine(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[AsyncEngine]:
    url = await make_database()
    session = await LeaderSession.connect(url)
    page = FoldedPage(tasks=TASKS, batches=[BATCH], schedules=[SCHEDULE], events=EVENTS)
    await Projection(session).write_page(page, Position(1, 60))
    session.close()
    engine = create_async_engine(sqlalchemy_url(url))
    async with AsyncSession(engine) as opened, opened.begin():
        await insert_user(opened, make_user(id="u1", email="ada@example.com"))
    yield engine
    await engine.dispose()


async def test_a_row_names_what_it_refers_to_and_a_page_takes_one_query_for_names_and_one_for_workers(
    engine: AsyncEngine,
) -> None:
    asked: list[str] = []

    def note(_c: object, _cursor: object, statement: str, *_: Any) -> None:
        asked.append(statement)

    async with AsyncSession(engine) as session:
        found, _ = await tasks.list_tasks(session, conditions_of("u1", Filter()), Order.NEWEST, None, 50)
        event.listen(engine.sync_engine, "before_cursor_execute", note)
        builder = RowBuilder(show_owners=True)
        rows = {each.id: each for each in await builder.task_rows(session, found)}
        event.remove(engine.sync_engine, "before_cursor_execute", note)
        of_member = await task_rows(session, found, show_owners=False)
    assert len(asked) == 2
    assert list(rows) == [each.id for each in found]
    first, second, third = rows["t1"], rows["t2"], rows["t3"]
    assert (first.owner, first.worker) == (Ref(id="u1", name="ada@example.com"), "w2")
    assert (first.batch, first.schedule) == (Ref(id="b1", name="Class 9b"), Ref(id="s1", name="Every day"))
    assert (first.progress, first.labels, first.files) == (
        Progress(fraction=0.5, message=r"half\x1b[2J"),
        {"customer": "42"},
        0,
    )
    assert (second.batch, second.schedule, second.title) == (Ref(id="gone", name=None), Ref(id="gone", name=None), "t2")
    assert (second.wait_seconds, second.run_seconds, first.run_seconds) == (0.5, 2.5, None)
    assert third.error is not None
    assert (third.error.code, third.error.message, third.worker) == (
        FailureCode.RAISED,
        "no\\x00 \\u202eexe\nway",
        None,
    )
    assert all(each.owner is None for each in of_member)


async def test_what_a_batch_has_named_is_not_looked_up_for_its_tasks(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        of_owner, _ = await batches.list_newest(session, "u1", batches.BatchFilter(), None, 50)
        found, _ = await tasks.list_tasks(session, conditions_of("u1", Filter(batch="b1")), Order.NEWEST, None, 50)
        builder = RowBuilder(show_owners=True)
        await builder.batch_rows(session, of_owner)
        await session.execute(text("DELETE FROM users"))
        await session.execute(text("DELETE FROM batches"))
        rows = await builder.task_rows(session, found)
    assert {(each.owner, each.batch) for each in rows} == {
        (Ref(id="u1", name="ada@example.com"), Ref(id="b1", name="Class 9b"))
    }


async def test_a_batch_names_its_owner_for_administrators_only(engine: AsyncEngine) -> None:
    async with AsyncSession(engine) as session:
        found, _ = await batches.list_newest(session, "u1", batches.BatchFilter(), None, 50)
        (of_admin,) = await batch_rows(session, found, show_owners=True)
        (of_member,) = await batch_rows(session, found, show_owners=False)
        await session.execute(text("DELETE FROM users"))
        (unknown,) = await batch_rows(session, found, show_owners=True)
    assert (of_admin.owner, of_member.owner) == (Ref(id="u1", name="ada@example.com"), None)
    assert (of_admin.labels, of_admin.priority) == ({"customer": "42"}, "low")
    assert (of_admin.name, of_admin.total, unknown.owner) == ("Class 9b", 9, Ref(id="u1", name=None))
