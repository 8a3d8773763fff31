"""A batch is the same to the projector that follows the log and to one that reads it after parts of it were withdrawn."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import Any, cast

import pytest
from hypothesis import event as note
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.batches import BatchCancelled, BatchState
from headrace.contracts.events import Deleted, Finished, Outcome, decode, encode
from headrace.contracts.tasks import State
from headrace.log.records import Record
from headrace.log.subjects import TaskSubject, is_of_batch
from headrace.projector.fold.batches import BatchFold
from headrace.projector.fold.tasks import fold_task
from headrace.store.batch_rows import is_over
from headrace.store.tables import BatchRow, TaskRow
from tests.examples import examples
from tests.unit.projector.fold.histories import FIRST, Life, withdrawn
from tests.unit.projector.fold.test_batches import EPOCH, TOTAL, created, happened, of_batch, project, settled

STEPS = ("start", "finish", "delete", "run again", "cancel", "cancel batch", "sweep", "project", "settle")


class World:
    """A batch and everybody who appends to its log, each by what they know: the projector is a moment behind."""

    def __init__(self) -> None:
        self.log = [created(0, 1)]
        self.lives = [Life(2 * number) for number in range(TOTAL)]  # of the owner u0
        self.states: list[State | None] = [None] * TOTAL
        self.row = BatchFold({}, EPOCH)
        self.known: BatchRow | None = None
        self.last_settled = 0
        self.settling: list[int] = []  # the settled_sequence with which a `settled` is on its way
        self.rows: dict[str, TaskRow] = {}
        self.read = 0
        self.erased: set[int] = set()

    def take(self, step: str, number: int) -> None:
        state = self.states[number]
        match step:
            case "start" if state == State.QUEUED:
                self.append(number, "started", State.RUNNING)
            case "finish" if state == State.RUNNING:
                self.append(number, "finished", None)
            case "run again" if state is not None and state.final:
                self.append(number, "queued", State.QUEUED)
            # What the cancellation of a batch was taken back by would not be known any more.
            case "delete" if state is not None and state.final and not self.lives[number].fence:
                self.delete(number, state)
            case "cancel" if state == State.QUEUED:
                self.append(number, "withdrawn", None)
            case "cancel batch" if self.known is not None and self.known.state == BatchState.OPEN:
                self.cancel_batch()
            case "sweep" if self.known is not None and self.known.state == BatchState.OPEN and self.known.cancelled_at:
                for each, now in enumerate(self.states):
                    if now == State.QUEUED:
                        self.append(each, "withdrawn", None)
                    elif now == State.RUNNING:
                        self.append(each, "finished", None)
            case "project":
                self.project()
            case "settle":
                self.settle()
            case _:
                pass  # not possible now

    def append(self, number: int, what: str, state: State | None) -> None:
        life = self.lives[number]
        event = life.event(what, 3)
        assert event is not None
        name: Any = event.__struct_config__.tag
        sequence = self.log[-1].sequence + 1
        at = FIRST + timedelta(milliseconds=sequence)
        subject = str(life.subject._replace(event=name))
        self.log.append(Record(sequence, subject, at, {"Headrace-Batch": "b0"}, encode(event)))
        life.appended(event, sequence, at)
        self.states[number] = state or State(cast("Any", event).outcome)

    def delete(self, number: int, state: State) -> None:
        """As `headrace.lifecycle.deletion` does; nothing happens to the task any more."""
        life = self.lives[number]
        sequence = self.log[-1].sequence + 1
        deleted = Deleted(attempt=life.attempt, outcome=Outcome(state), by="u0")
        self.erased |= {record.sequence for record in self.log if record.subject.endswith(f".{life.subject.task}")}
        subject = str(life.subject._replace(event="deleted"))
        at = FIRST + timedelta(milliseconds=sequence)
        self.log.append(Record(sequence, subject, at, {"Headrace-Batch": "b0"}, encode(deleted)))
        self.states[number] = None

    def cancel_batch(self) -> None:
        """As `headrace.api.v1.batches.cancel_batch` does: unless it was cancelled, or has settled since."""
        assert self.known is not None
        if self.known.cancelled_at is None and self.last_settled <= self.known.sequence:
            self.log.append(of_batch("cancelled", 0, self.log[-1].sequence + 1, BatchCancelled(by="u0")))

    def project(self) -> None:
        for record in self.log[self.read :]:
            if is_of_batch(record.subject):
                happened(self.row, record)
                continue
            subject, event = TaskSubject.parse(record.subject), decode(record.payload)
            before = self.rows.get(subject.task)
            if isinstance(event, Deleted):
                was = None if before is None else before.state
                self.row.count_deleted("b0", "u0", was, event, record.sequence)
                continue
            was = before.state if before is not None else None
            row = fold_task(before, record, subject, event, EPOCH)
            assert row is not None
            self.rows[subject.task] = row
            self.row.count_task(was, row, event.withdrawn if isinstance(event, Finished) else None)
        self.read = len(self.log)
        self.known = copy.copy(self.row.changed["b0"])
        if self.known.state == BatchState.OPEN and is_over(self.known):
            self.settling.append(self.known.settled_sequence)

    def settle(self) -> None:
        """As `BatchProgress.settle` does: on condition that it has not settled since."""
        for expected in self.settling:
            if expected == self.last_settled:
                self.last_settled = self.log[-1].sequence + 1
                self.log.append(settled(self.last_settled))
        self.settling.clear()


@pytest.mark.invariant(7)
@given(
    steps=st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, TOTAL - 1)), min_size=20, max_size=80),
    members=st.integers(1, TOTAL),
    cuts=st.lists(st.integers(1, 60), max_size=6),
)
@examples(500)
async def test_a_batch_is_the_same_to_whoever_reads_the_log_after_what_was_withdrawn_from_it(
    steps: list[tuple[str, int]], members: int, cuts: list[int]
) -> None:
    world = World()
    for number in range(members):  # the others never come, as when it is cancelled meanwhile
        world.append(number, "queued", State.QUEUED)
    for step, number in steps:
        world.take(step, number % members)
    gone = withdrawn(record for record in world.log if not is_of_batch(record.subject)) | world.erased
    live = (await project(world.log, cuts)).rows_of_batches["b0"]
    later = (await project([each for each in world.log if each.sequence not in gone], cuts)).rows_of_batches["b0"]
    note(f"{live.state}, {'cancelled' if live.cancelled_at else 'not cancelled'}, {min(len(gone), 2)} withdrawn")
    if world.log[-1].sequence not in gone:
        assert later == live
