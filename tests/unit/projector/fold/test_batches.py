from __future__ import annotations

import collections
import copy
from collections.abc import Coroutine, Iterable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import pytest
from hypothesis import event as note
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts import batches as contract
from headrace.contracts.batches import BatchCancelled, BatchCreated, BatchSettled, BatchState, Counts
from headrace.contracts.events import decode
from headrace.contracts.positions import Position
from headrace.contracts.tasks import Priority, State
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.subjects import (
    BatchSubject,
    TaskSubject,
    batch_event,
    is_of_batch,
)
from headrace.projector.fold.batches import BatchFold
from headrace.projector.fold.tasks import fold_task
from headrace.projector.project import Projector
from headrace.store.batch_rows import is_over
from headrace.store.projection import FoldedPage, Projection
from headrace.store.tables import BatchRow, TaskRow
from tests.examples import examples
from tests.unit.projector.fold.histories import FIRST, Action, actions, records

EPOCH = 1700
TOTAL = 4  # tasks of each of the two batches


class Happening(NamedTuple):
    """A batch event, put into the log after so many records."""

    after: int
    batch: int
    what: str


happenings = st.lists(
    st.builds(Happening, st.integers(0, 60), st.integers(0, 1), st.sampled_from(["cancelled", "settled"])), max_size=6
)


def created(batch: int, sequence: int, total: int = TOTAL) -> Record:
    event = BatchCreated(kind=f"kind_{batch}", total=total, priority=Priority.LOW, name="ř")
    return of_batch("created", batch, sequence, event)


def of_batch(name: str, batch: int, sequence: int, event: contract.BatchEvent) -> Record:
    at = FIRST + timedelta(milliseconds=sequence)
    return Record(sequence, batch_event(name, f"u{batch}", f"b{batch}"), at, {}, contract.encode(event))


def with_batches(happening: Iterable[Action], more: Iterable[Happening]) -> list[Record]:
    """A log in which every task is a member of the batch of its owner, with batch events in between."""
    found = [created(0, 1), created(1, 2)]
    inserted = collections.defaultdict[int, list[Happening]](list)
    for each in more:
        inserted[each.after].append(each)
    for number, record in enumerate(records(happening)):
        record.sequence = 10 + record.sequence * 10
        batch = TaskSubject.parse(record.subject).owner.removeprefix("u")
        record.headers = {"Headrace-Batch": f"b{batch}"}
        found.append(record)
        for extra, each in enumerate(inserted[number], 1):
            event = BatchCancelled(by="u1") if each.what == "cancelled" else BatchSettled(counts=Counts())
            found.append(of_batch(each.what, each.batch, record.sequence + extra, event))
    return found


class Tables:
    """The read model, as Postgres would keep it."""

    def __init__(self) -> None:
        self.rows: dict[str, TaskRow] = {}
        self.rows_of_batches: dict[str, BatchRow] = {}

    async def load_tasks(self, ids: list[str]) -> dict[str, TaskRow]:
        return {id_: copy.copy(self.rows[id_]) for id_ in ids if id_ in self.rows}

    async def load_batches(self, ids: list[str]) -> dict[str, BatchRow]:
        return {id_: copy.copy(self.rows_of_batches[id_]) for id_ in ids if id_ in self.rows_of_batches}

    async def load_schedules(self, ids: list[str]) -> dict[str, Any]:
        return {}

    async def hold_while(self, work: Coroutine[Any, Any, None]) -> None:
        await work

    async def write_page(self, page: FoldedPage, checkpoint: Position) -> set[str]:
        self.rows |= {row.id: copy.copy(row) for row in page.tasks}
        for row in page.batches:
            before = self.rows_of_batches.get(row.id)
            assert before is None or (before.epoch, before.sequence) < (row.epoch, row.sequence)
            self.rows_of_batches[row.id] = copy.copy(row)
        return set()


async def project(log: list[Record], cuts: Iterable[int] = ()) -> Tables:
    tables = Tables()
    projector = Projector(cast("Log", SimpleNamespace(epoch=EPOCH, on_disconnect=lambda _: None)), "")

    async def publish_changes(batches: Iterable[BatchRow]) -> None:
        pass

    cast("Any", projector)._batch_progress = SimpleNamespace(publish_changes=publish_changes)
    ends = sorted({min(cut, len(log)) for cut in cuts} | {len(log)})
    for start, end in zip([0, *ends], ends, strict=False):
        if page := log[start:end]:
            await projector._project_page(cast("Projection", tables), cast("Any", page))
    return tables


def recounted(tables: Tables) -> dict[str, collections.Counter[str]]:
    found = collections.defaultdict[str, collections.Counter[str]](collections.Counter)
    for row in tables.rows.values():
        assert row.batch is not None
        found[row.batch][row.state] += 1
    return found


def counted(row: BatchRow) -> collections.Counter[str]:
    return collections.Counter({state.value: getattr(row, state) for state in State if getattr(row, state)})


@pytest.mark.invariant(7)
@given(happening=actions(tasks=2 * TOTAL, max_size=60), more=happenings, cuts=st.lists(st.integers(1, 60), max_size=12))
@examples(200)
async def test_counts_are_a_recount_of_the_tasks_wherever_pages_begin(
    happening: list[Action], more: list[Happening], cuts: list[int]
) -> None:
    log = with_batches(happening, more)
    at_once = await project(log)
    assert {batch: counted(row) for batch, row in at_once.rows_of_batches.items()} == {
        batch: recounted(at_once)[batch] for batch in ("b0", "b1")
    }
    for row in at_once.rows_of_batches.values():
        assert row.state != BatchState.SETTLED or is_over(row)
        assert (row.settled_at is None) == (row.state == BatchState.OPEN)
        note(f"{row.state}, {'cancelled' if row.cancelled_at else 'not cancelled'}")
    for other in (await project(log, cuts), await project(log, range(len(log)))):
        assert other.rows_of_batches == at_once.rows_of_batches
        assert other.rows == at_once.rows


@pytest.mark.invariant(7)
@given(happening=actions(tasks=2 * TOTAL, max_size=60), more=happenings, again=st.integers(0, 60))
@examples(100)
async def test_events_that_are_in_the_rows_already_count_once(
    happening: list[Action], more: list[Happening], again: int
) -> None:
    log = with_batches(happening, more)
    tables = await project(log)
    batches = BatchFold(copy.deepcopy(tables.rows_of_batches), EPOCH)
    rows = copy.deepcopy(tables.rows)
    for record in log[again:]:
        if is_of_batch(record.subject):
            batches.apply_event(record, BatchSubject.parse(record.subject), contract.decode(record.payload))
        else:
            subject = TaskSubject.parse(record.subject)
            before = rows.get(subject.task)
            was = before.state if before else None
            row = fold_task(before, record, subject, decode(record.payload), EPOCH)
            if row is not None:
                batches.count_task(was, row)
    assert batches.changed == {}


def task(number: int, state: State, sequence: int, batch: str | None = "b0", owner: str = "u0") -> TaskRow:
    given: dict[str, Any] = dict.fromkeys(TaskRow.__struct_fields__)
    given |= {"id": f"t{number}", "owner": owner, "batch": batch, "state": state}
    return TaskRow(**given | {"epoch": EPOCH, "sequence": sequence})


def happened(batches: BatchFold, record: Record) -> None:
    batches.apply_event(record, BatchSubject.parse(record.subject), contract.decode(record.payload))


def settled(sequence: int) -> Record:
    return of_batch("settled", 0, sequence, BatchSettled(counts=Counts()))


def over(sequence: int = 10) -> tuple[BatchFold, BatchRow]:
    """A batch of two tasks that are final."""
    batches = BatchFold({}, EPOCH)
    happened(batches, created(0, sequence, total=2))
    batches.count_task(None, task(0, State.SUCCEEDED, sequence + 1))
    batches.count_task(None, task(1, State.FAILED, sequence + 2))
    return batches, batches.changed["b0"]


def test_a_batch_that_settled_opens_when_a_task_is_run_again_and_settles_again() -> None:
    batches, row = over()
    assert (row.state, is_over(row)) == (BatchState.OPEN, True)
    happened(batches, settled(20))
    assert (row.state, row.settled_at, row.settled_sequence) == (
        BatchState.SETTLED,
        FIRST + timedelta(milliseconds=20),
        20,
    )
    batches.count_task(State.FAILED, task(1, State.QUEUED, 30))
    assert (row.state, row.settled_at, row.settled_sequence) == (BatchState.OPEN, None, 20)
    batches.count_task(State.QUEUED, task(1, State.SUCCEEDED, 31))
    happened(batches, settled(40))
    assert (row.state, row.settled_sequence, row.succeeded, row.failed) == (BatchState.SETTLED, 40, 2, 0)


def test_a_settled_that_comes_after_a_task_was_queued_again_leaves_the_batch_open() -> None:
    batches, row = over()
    batches.count_task(State.FAILED, task(1, State.QUEUED, 15))
    happened(batches, settled(20))
    assert (row.state, row.settled_sequence) == (BatchState.OPEN, 20)


def test_a_cancelled_batch_that_was_cut_off_is_over_when_the_tasks_that_there_are_are_final() -> None:
    batches = BatchFold({}, EPOCH)
    happened(batches, created(0, 1, total=3))
    batches.count_task(None, task(0, State.QUEUED, 2))
    batches.count_task(State.QUEUED, task(0, State.SUCCEEDED, 3))
    row = batches.changed["b0"]
    assert not is_over(row)
    happened(batches, of_batch("cancelled", 0, 4, BatchCancelled(by="u0")))
    assert is_over(row)
    happened(batches, settled(5))
    assert (row.state, row.cancelled_at is not None) == (BatchState.SETTLED, True)


def test_running_a_task_of_a_cancelled_and_settled_batch_again_takes_the_cancellation_back() -> None:
    batches, row = over()
    happened(batches, of_batch("cancelled", 0, 14, BatchCancelled(by="u0")))
    happened(batches, settled(15))
    batches.count_task(State.FAILED, task(1, State.QUEUED, 16))
    assert (row.state, row.cancelled_at) == (BatchState.OPEN, None)


def test_asking_for_a_cancellation_again_changes_nothing() -> None:
    batches, row = over()
    batches.count_task(State.FAILED, task(1, State.QUEUED, 15))
    happened(batches, of_batch("cancelled", 0, 16, BatchCancelled(by="u0")))
    before = copy.copy(row)
    happened(batches, of_batch("cancelled", 0, 17, BatchCancelled(by="u0")))
    assert row == before


def test_a_cut_off_batch_that_was_cancelled_settles_again_after_one_of_its_tasks_was_run_again() -> None:
    batches = BatchFold({}, EPOCH)
    happened(batches, created(0, 1, total=3))
    batches.count_task(None, task(0, State.QUEUED, 2))
    happened(batches, of_batch("cancelled", 0, 3, BatchCancelled(by="u0")))
    batches.count_task(State.QUEUED, task(0, State.CANCELLED, 4))
    happened(batches, settled(5))
    batches.count_task(State.CANCELLED, task(0, State.QUEUED, 6))
    row = batches.changed["b0"]
    assert (row.state, row.cancelled_at, is_over(row)) == (BatchState.OPEN, None, False)
    batches.count_task(State.QUEUED, task(0, State.SUCCEEDED, 7))
    assert is_over(row), "its other two tasks never come"
    happened(batches, settled(8))
    assert (row.state, row.succeeded) == (BatchState.SETTLED, 1)


def test_events_of_a_batch_that_has_left_the_log_and_tasks_of_somebody_else_are_ignored() -> None:
    batches = BatchFold({}, EPOCH)
    happened(batches, settled(5))
    batches.count_task(None, task(0, State.QUEUED, 6))
    batches.count_task(None, task(1, State.QUEUED, 7, batch=None))
    assert batches.changed == {}
    batches, row = over()
    before = copy.copy(row)
    batches.count_task(None, task(2, State.QUEUED, 30, owner="u1"))
    assert row == before
