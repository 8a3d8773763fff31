"""Counts that are kept by differences are those of the tasks themselves."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from headrace.contracts.events import Deleted, Outcome, encode
from headrace.contracts.positions import Position
from headrace.contracts.tasks import State
from headrace.log.records import Record
from headrace.projector.decode import batch_ids, decode_page, task_ids
from headrace.projector.fold.page import fold_page
from headrace.store.leader_queries import read_counts
from headrace.store.leadership import LeaderSession
from headrace.store.projection import FoldedPage, Projection
from headrace.store.retention import RetentionSession
from headrace.store.tables import EVERYBODY
from headrace.store.tally import count_all
from tests.counted import compare_counts
from tests.examples import examples
from tests.unit.projector.fold.histories import Action, Life, actions, records
from tests.unit.store.test_projection import row

EPOCH = 1700
AFTER_ALL = datetime(2040, 1, 1, tzinfo=UTC)


class ReadModel:
    """A database, and what the leading projector and the retention do to it."""

    def __init__(self, session: LeaderSession, retention: RetentionSession) -> None:
        self.session = session
        self.connection: Any = session.connection
        self.projection = Projection(session)
        self.retention = retention

    async def empty(self) -> None:
        await self.connection.execute(
            "TRUNCATE tasks, task_events, batches, activity, projection, counts, failures, failure_groups"
        )

    async def project(self, page: list[Record]) -> set[str]:
        decoded = list(decode_page(page))
        tasks = await self.projection.load_tasks(list(task_ids(decoded)))
        batches = await self.projection.load_batches(list(batch_ids(decoded, tasks.values())))
        folded = fold_page(decoded, tasks, batches, {}, EPOCH)
        folded.make_storable()
        return await self.projection.write_page(folded, Position(EPOCH, page[-1].sequence))

    async def write(self, *rows: Any) -> None:
        """Write rows as a page that is about them."""
        loaded = await self.projection.load_tasks([each.id for each in rows])
        decoded = fold_page([], loaded, {}, {}, EPOCH)
        await self.projection.write_page(FoldedPage(tasks=rows, places=decoded.places), Position(1, 1))

    async def differences(self) -> list[str]:
        return await compare_counts(self.connection)


@pytest.fixture(scope="module")
async def model(make_database: Callable[[], Awaitable[str]]) -> AsyncGenerator[ReadModel]:
    url = await make_database()
    session, retention = await LeaderSession.connect(url), await RetentionSession.connect(url)
    yield ReadModel(session, retention)
    retention.close()
    session.close()


def deletion(task: int, sequence: int) -> Record:
    subject = Life(task).subject._replace(event="deleted")
    event = Deleted(attempt=1, outcome=Outcome.FAILED, by="u1")
    return Record(sequence, str(subject), AFTER_ALL, {}, encode(event))


Step = tuple[str, int]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("page"), st.integers(1, 12)),
        st.tuples(st.just("replay"), st.integers(1, 12)),
        st.tuples(st.just("retention"), st.integers(1, 3)),
    ),
    min_size=4,
    max_size=10,
)


@pytest.mark.invariant(7)
@given(happening=actions(tasks=4), steps=STEPS, deleted=st.sets(st.tuples(st.integers(0, 3), st.integers(1, 60))))
@settings(examples(40), suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
async def test_counts_are_those_of_the_tasks_after_every_page_replay_deletion_and_removal(
    model: ReadModel, happening: list[Action], steps: list[Step], deleted: set[tuple[int, int]]
) -> None:
    log = sorted([*records(happening), *(deletion(*each) for each in deleted)], key=lambda record: record.sequence)
    await model.empty()
    at = 0
    for what, number in steps:
        if what == "retention":
            for kind in ("kind_0", "kind_1"):
                await model.retention.remove_tasks(kind, datetime(1, 1, 1, tzinfo=UTC), AFTER_ALL, number)
        else:
            at = max(0, at - number) if what == "replay" else at
            if page := log[at : at + number]:
                await model.project(page)
            at += number
        assert await model.differences() == []


async def test_a_task_that_was_removed_between_its_load_and_its_write_is_counted_as_a_new_one(
    model: ReadModel,
) -> None:
    await model.empty()
    await model.write(row(1, state="succeeded", finished_at=AFTER_ALL - timedelta(days=1)))
    loaded = await model.projection.load_tasks(["t1"])
    places = fold_page([], loaded, {}, {}, EPOCH).places
    removed = await model.retention.remove_tasks("echo", datetime(1, 1, 1, tzinfo=UTC), AFTER_ALL, 10)
    assert (removed.tasks, removed.owners) == (1, {"u1"})
    await model.projection.write_page(FoldedPage(tasks=[row(2, state="queued")], places=places), Position(1, 2))
    assert await model.differences() == []
    counted = await read_counts(model.session, [EVERYBODY, "u1", "nobody"])
    assert counted["u1"] == counted[EVERYBODY]
    assert (counted["u1"].counts.queued, counted["u1"].counts.succeeded) == (1, 0)
    assert list(counted["u1"].kinds) == ["echo"]
    assert counted["nobody"].kinds == {}


async def test_owners_whose_counts_have_changed_are_told_and_no_others(model: ReadModel) -> None:
    await model.empty()
    page = FoldedPage(tasks=[row(1), row(1, id="t2", owner="u2")])
    assert await model.projection.write_page(page, Position(1, 1)) == {"u1", "u2"}
    assert await model.projection.write_page(page, Position(1, 1)) == set(), "a replay changes nothing"
    loaded = await model.projection.load_tasks(["t1"])
    places = fold_page([], loaded, {}, {}, EPOCH).places
    again = FoldedPage(tasks=[row(2, progress="{}")], places=places)
    assert await model.projection.write_page(again, Position(1, 2)) == set(), "nor does progress"


@pytest.mark.invariant(7)
async def test_a_projector_that_begins_counts_again_what_an_older_version_has_written_without_counting(
    model: ReadModel,
) -> None:
    await model.empty()
    await model.projection.write_checkpoint(Position(1, 1))
    await model.write(row(1, state=State.FAILED, code="raised", fingerprint="f", finished_at=AFTER_ALL))
    older = "INSERT INTO projection (epoch, sequence, name) VALUES (1, 1, 'tasks') ON CONFLICT (name) DO UPDATE SET sequence = excluded.sequence"
    for written in ("UPDATE tasks SET state = 'cancelled'", "DELETE FROM tasks"):
        await model.connection.execute(written)
        await model.projection.count_if_needed()
        assert await model.differences() != [], "the checkpoint says that all is counted"
        # Also the same position, written alone, was written by a version that does not count.
        await model.connection.execute(older)
        await model.projection.count_if_needed()
        assert await model.differences() == []
        await model.projection.write_checkpoint(Position(1, 1))


async def test_counting_everything_takes_as_long_as_it_takes_and_keeps_readers_and_removals_right(
    model: ReadModel,
) -> None:
    await model.empty()
    rows = [row(1, id=f"t{n}", state="succeeded", finished_at=AFTER_ALL - timedelta(days=1)) for n in range(20)]
    await model.write(*rows)
    before = await model.connection.fetchval("SHOW transaction_timeout")
    await model.connection.execute("SET transaction_timeout = '1ms'")
    try:
        await count_all(model.session)
    finally:
        await model.connection.execute(f"SET transaction_timeout = '{before}'")
    assert await model.differences() == []
    await model.retention.remove_tasks("echo", datetime(1, 1, 1, tzinfo=UTC), AFTER_ALL, 7)
    assert await model.differences() == []
