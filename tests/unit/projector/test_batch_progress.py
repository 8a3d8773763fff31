from __future__ import annotations

from typing import Any, cast

import msgspec

from headrace.contracts.batches import BatchState
from headrace.errors import AppendRefused
from headrace.log.append import Appended
from headrace.log.connection import Log
from headrace.log.live_subjects import batch_live
from headrace.log.records import Record
from headrace.log.subjects import EXPECTED_LAST_SUBJECT_SEQUENCE, batch_event
from headrace.projector.batch_progress import COUNTS_INTERVAL_SECONDS, BatchProgress
from headrace.store.tables import BatchRow
from tests.unit.projector.fold.histories import FIRST
from tests.unit.projector.fold.test_batches import over
from tests.waiting import until


class Telling:
    """A log that writes down what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[str, Any]] = []
        self.settled: dict[str, int] = {}  # where the last one stands, by subject
        self.refused = 0
        self.live: Any = self
        self.appender: Any = self
        self.replayer: Any = self

    async def publish(self, subject: str, payload: bytes) -> None:
        self.told.append((subject, msgspec.json.decode(payload)))

    async def append(self, subject: str, payload: bytes, headers: dict[str, str]) -> Appended:
        if int(headers[EXPECTED_LAST_SUBJECT_SEQUENCE]) != self.settled.get(subject, 0):
            self.refused += 1
            raise AppendRefused("wrong last sequence")
        self.settled[subject] = max(self.settled.values(), default=100) + 1
        self.told.append((subject, msgspec.json.decode(payload)))
        return Appended(self.settled[subject], duplicate=False)

    async def last(self, subject: str) -> Record | None:
        sequence = self.settled.get(subject)
        return None if sequence is None else Record(sequence, subject, FIRST, {}, b"")


def some(running: int, **changed: Any) -> BatchRow:
    return msgspec.structs.replace(over()[1], **{"total": 100, "running": running, **changed})


async def test_counts_are_told_at_most_every_interval_and_the_last_one_always() -> None:
    log = Telling()
    settling = BatchProgress(cast("Log", log))
    for running in range(50):
        await settling.publish_changes([some(running), some(running, id="b1")])
    live = batch_live("counted", "u0", "b0")
    assert [told["counts"]["running"] for subject, told in log.told if subject == live] == [0]
    await until(lambda: len(log.told) == 4, "the last counts", COUNTS_INTERVAL_SECONDS * 8)
    assert [told["counts"]["running"] for subject, told in log.told if subject == live] == [0, 49]
    await until(lambda: settling._publishing is None, "nothing to be left", COUNTS_INTERVAL_SECONDS * 8)
    assert (settling._published_at, settling._waiting) == ({}, {})
    assert len(log.told) == 4


async def test_settled_is_told_at_once_and_nothing_older_after_it() -> None:
    log = Telling()
    settling = BatchProgress(cast("Log", log))
    for running in (2, 1):
        await settling.publish_changes([some(running)])
    await settling.publish_changes([some(0, state=BatchState.SETTLED)])
    await until(lambda: settling._publishing is None, "nothing to be left", COUNTS_INTERVAL_SECONDS * 8)
    assert [subject.split(".")[3] for subject, _ in log.told] == ["counted", "settled"]


async def test_settled_is_appended_once_and_again_only_after_the_batch_was_open() -> None:
    log = Telling()
    settling = BatchProgress(cast("Log", log))
    _, row = over()
    subject = batch_event("settled", "u0", "b0")
    await settling.settle([row])
    await settling.settle([row])  # by the projector that took over
    assert (log.settled, log.refused) == ({subject: 101}, 1)
    row.settled_sequence = 101
    await settling.settle([row])
    assert log.settled == {subject: 102}
    del log.settled[subject]  # it has left the log
    row.settled_sequence = 102
    await settling.settle([row])
    assert subject in log.settled
