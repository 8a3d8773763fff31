"""Pages of made-up events: the same rows and the same timeline, however the log is cut."""

from __future__ import annotations

import copy
import json
from collections.abc import Coroutine, Iterable
from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import event as note
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.events import (
    HIGH_RATE,
    Deferred,
    EventName,
    Finished,
    Outcome,
    Queued,
    decode,
)
from headrace.contracts.positions import Position
from headrace.contracts.tasks import State
from headrace.log.connection import Log
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject
from headrace.projector.project import Projector
from headrace.store.projection import FoldedPage, Projection
from headrace.store.tables import BatchRow, EventRow, ScheduleRow, TaskRow
from tests.examples import examples
from tests.unit.projector.fold.histories import ACTIONS, Action, actions, records, withdrawn

EPOCH = 1700


class Tables:
    """The read model, as Postgres would keep it."""

    def __init__(self) -> None:
        self.rows: dict[str, TaskRow] = {}
        self.rows_of_batches: dict[str, BatchRow] = {}
        self.events: dict[int, EventRow] = {}
        self.position = Position(EPOCH, 0)

    async def load_tasks(self, ids: list[str]) -> dict[str, TaskRow]:
        return {id_: copy.copy(self.rows[id_]) for id_ in ids if id_ in self.rows}

    async def load_batches(self, ids: list[str]) -> dict[str, BatchRow]:
        return {id_: copy.copy(self.rows_of_batches[id_]) for id_ in ids if id_ in self.rows_of_batches}

    async def load_schedules(self, ids: list[str]) -> dict[str, ScheduleRow]:
        return {}

    async def hold_while(self, work: Coroutine[Any, Any, None]) -> None:
        await work

    async def write_page(self, page: FoldedPage, checkpoint: Position) -> set[str]:
        self.rows_of_batches |= {row.id: copy.copy(row) for row in page.batches}
        for row in page.tasks:
            before = self.rows.get(row.id)
            assert before is None or (before.epoch, before.sequence) < (row.epoch, row.sequence)
            assert before is None or before.created_at == row.created_at
            self.rows[row.id] = copy.copy(row)
        for event in page.events:
            assert self.events.setdefault(event.sequence, event) == event, "one event, told in two ways"
        self.position = checkpoint
        return {row.owner for row in page.tasks}


async def project(log: list[Record], cuts: Iterable[int] = ()) -> Tables:
    """Project a log in pages that end at the cuts."""
    tables = Tables()
    projector = Projector(cast("Log", SimpleNamespace(epoch=EPOCH, on_disconnect=lambda _: None)), "")
    ends = sorted({min(cut, len(log)) for cut in cuts} | {len(log)})
    for start, end in zip([0, *ends], ends, strict=False):
        if page := log[start:end]:
            await projector._project_page(cast("Projection", tables), cast("Any", page))
    return tables


@pytest.mark.invariant(7)
@given(happening=actions(), cuts=st.lists(st.integers(1, 40), max_size=12))
@examples(200)
async def test_folding_in_pages_gives_what_folding_at_once_gives(happening: list[Action], cuts: list[int]) -> None:
    log = records(happening)
    at_once = await project(log)
    in_pages = await project(log, cuts)
    one_by_one = await project(log, range(len(log)))
    for other in (in_pages, one_by_one):
        assert other.rows == at_once.rows
        assert other.events == at_once.events
        assert other.position == at_once.position
    if log:
        assert at_once.position == Position(EPOCH, log[-1].sequence)


@pytest.mark.invariant(2)
@given(happening=actions())
@examples(200)
async def test_a_task_shows_its_last_finish_unless_it_was_opened_again_since(happening: list[Action]) -> None:
    log = records(happening)
    tables = await project(log)
    begun: set[str] = set()
    finishes: dict[str, Record] = {}
    positions: dict[str, int] = {}
    for record in log:
        subject, event = TaskSubject.parse(record.subject), decode(record.payload)
        last = finishes.get(subject.task)
        if isinstance(event, Queued | Deferred):
            begun.add(subject.task)
            if last is not None and event.fence == positions[subject.task]:
                del finishes[subject.task]
        elif isinstance(event, Finished) and subject.task in begun:
            positions[subject.task] = record.sequence
            if last is None or event.restored is None:
                finishes[subject.task] = record
    assert set(tables.rows) == begun
    for task, row in tables.rows.items():
        finish = finishes.get(task)
        assert State(row.state).final == (finish is not None)
        if finish is not None:
            event = decode(finish.payload)
            assert isinstance(event, Finished)
            assert (row.state, row.sequence) == (event.outcome, positions[task])
            assert row.finished_at == (event.restored or finish.at)
            assert (row.result is not None) == (event.outcome is Outcome.SUCCEEDED)
            if row.result is not None:
                assert row.result.encode() == bytes(event.result)
            assert (row.error is not None) == (event.outcome is Outcome.FAILED)
            assert (row.progress, row.due_at, row.expires_at) == (None, None, None)


@pytest.mark.invariant(7)
@given(happening=actions(), cuts=st.lists(st.integers(1, 40), max_size=12))
@examples(300)
async def test_what_was_withdrawn_from_the_log_makes_no_difference_to_whoever_reads_it_later(
    happening: list[Action], cuts: list[int]
) -> None:
    log = records(happening)
    gone = withdrawn(log)
    note(f"{min(len(gone), 3)} withdrawn")
    as_it_happened = await project(log, cuts)
    later = await project([record for record in log if record.sequence not in gone], cuts)
    assert later.rows == as_it_happened.rows
    assert later.events == as_it_happened.events
    if log and log[-1].sequence not in gone:
        assert later.position == as_it_happened.position


def is_lasting(record: Record) -> bool:
    event = decode(record.payload)
    return record.subject.split(".")[2] not in HIGH_RATE and not (
        isinstance(event, Finished) and event.restored is not None
    )


@given(happening=actions())
@examples(100)
async def test_the_timeline_has_every_event_but_those_of_a_high_rate_without_input_and_result(
    happening: list[Action],
) -> None:
    log = records(happening)
    tables = await project(log)
    lasting = [record for record in log if is_lasting(record)]
    assert list(tables.events) == [record.sequence for record in lasting]
    for record, entry in zip(lasting, tables.events.values(), strict=True):
        fields = json.loads(record.payload)
        assert (entry.event, entry.attempt, entry.at, entry.epoch) == (
            fields["event"],
            fields["attempt"],
            record.at,
            EPOCH,
        )
        data = json.loads(entry.data)
        left_out = {"input", "result", "attempt", "event", "withdrawn", "restored"}
        assert not left_out & set(data)
        for name, value in fields.items():
            if name not in left_out:
                assert data[name] == value, name


def test_what_is_made_up_here_comes_to_all_that_can_happen() -> None:
    from tests.unit.projector.fold.histories import some_actions

    log = records(some_actions(seed=1, count=2000, tasks=20))
    names = [record.subject.split(".")[2] for record in log]
    assert set(names) == set(EventName) - {EventName.DELETED}
    begins = [decode(record.payload) for record in log if record.subject.split(".")[2] in ("queued", "deferred")]
    assert len([event for event in begins if isinstance(event, Queued | Deferred) and event.fence]) > 50
    assert len({record.subject.split(".")[-1] for record in log}) == 20
    assert len(withdrawn(log)) > 20
    ends = [decode(record.payload) for record in log if ".finished." in record.subject]
    assert len([end for end in ends if isinstance(end, Finished) and end.restored is not None]) > 20
    assert len(ACTIONS) == 12
