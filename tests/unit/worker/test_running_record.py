"""What a worker ran is known to the next one, and so is the task that held it up, if it is only one."""

from __future__ import annotations

import time
from pathlib import Path

from headrace.worker.running_record import ROWS, RunningRecord, note_end


def test_the_task_that_was_overdue_when_its_worker_was_ended_is_blamed_by_the_next_worker(tmp_path: Path) -> None:
    path = tmp_path / "runs"
    record = RunningRecord(path)
    assert record.blamed == frozenset()
    now = time.monotonic()
    record.note(7, now - 1)
    record.note(8, now + 60)
    record.clear(record.note(9, now - 1))
    note_end(path)
    assert RunningRecord(path).blamed == {7}
    assert RunningRecord(path).blamed == frozenset(), "each worker begins a record of its own"


def test_nobody_is_blamed_for_a_worker_that_was_not_ended_for_its_silence(tmp_path: Path) -> None:
    path = tmp_path / "runs"
    RunningRecord(path).note(7, time.monotonic() - 1)
    assert RunningRecord(path).blamed == frozenset()
    path.write_bytes(b"something else")
    assert RunningRecord(path).blamed == frozenset()


def test_of_several_that_were_overdue_none_is_blamed_unless_the_worker_knew_which_it_was(tmp_path: Path) -> None:
    path = tmp_path / "runs"
    record = RunningRecord(path)
    for sequence in (7, 8):
        record.note(sequence, time.monotonic() - 1)
    note_end(path)
    assert RunningRecord(path).blamed == frozenset()

    record = RunningRecord(path)
    for sequence in (7, 8):
        record.note(sequence, time.monotonic() - 1)
    record.blame(8)
    assert RunningRecord(path).blamed == {8}


def test_more_tasks_than_it_has_rows_for_are_run_without_being_noted() -> None:
    record = RunningRecord(None)
    rows = [record.note(sequence, 1.0) for sequence in range(ROWS + 2)]
    assert len(set(rows)) == ROWS + 1
    for row in rows:
        record.clear(row)
    assert record.note(1, 1.0) != rows[-1]
