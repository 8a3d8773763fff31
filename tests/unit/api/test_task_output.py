from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import msgspec

from headrace.api.bff.batch_detail import rate_of
from headrace.api.task_output import CHUNKS_BYTES_MAX, LINES_BYTES_MAX, has_whole_output, read_chunks, read_lines
from headrace.contracts.attempts import Attempt
from headrace.contracts.batches import Batch, BatchState, Counts
from headrace.contracts.events import Emitted, Logged, encode
from headrace.contracts.positions import Position
from headrace.contracts.tasks import Priority
from headrace.log.connection import Log
from headrace.log.subjects import TaskSubject
from headrace.store.batch_detail import Ends

AT = datetime(2030, 1, 1, tzinfo=UTC)
TASK = TaskSubject("", "echo", "normal", "u1", "task-output")


async def test_the_newest_lines_and_chunks_are_read_from_the_log_of_whoever_may_see_them(shared_log: Log) -> None:
    assert await read_lines(shared_log, "u1", TASK.task) == ([], False)
    assert await read_chunks(shared_log, "u1", TASK.task) == ([], False, None, None)
    for number in range(3):
        line = Logged(attempt=1, level="info", message=f"line {number}")
        await shared_log.appender.append(TASK.of("logged"), encode(line), {})
        chunks_of_it = encode(Emitted(attempt=1, chunks=[number, {"a": 1}]))
        emitted = await shared_log.appender.append(TASK.of("emitted"), chunks_of_it, {})
    await shared_log.appender.append(TASK.of("logged"), b"no line", {})
    lines, is_cut = await read_lines(shared_log, "u1", TASK.task)
    assert [(each.message, each.level, each.attempt) for each in lines] == [(f"line {n}", "info", 1) for n in range(3)]
    assert not is_cut
    chunks, is_cut, position, _ = await read_chunks(shared_log, None, TASK.task)
    assert chunks == [0, {"a": 1}, 1, {"a": 1}, 2, {"a": 1}]
    assert not is_cut
    # A page that follows from there is given no chunk twice.
    assert position == str(Position(shared_log.epoch, emitted.sequence))
    assert await read_lines(shared_log, "u2", TASK.task) == ([], False)


async def test_of_many_lines_and_chunks_the_newest_are_kept_as_far_as_there_is_room(shared_log: Log) -> None:
    task = TASK._replace(task="long-output")
    for number in range(5):
        long = Logged(attempt=1, level="info", message=f"{number}" * (LINES_BYTES_MAX // 3))
        await shared_log.appender.append(task.of("logged"), encode(long), {})
        chunk = Emitted(attempt=1, chunks=[f"{number}" * (CHUNKS_BYTES_MAX // 3)])
        await shared_log.appender.append(task.of("emitted"), encode(chunk), {})
    lines, is_cut = await read_lines(shared_log, "u1", task.task)
    assert [each.message[0] for each in lines] == ["3", "4"]
    assert is_cut
    chunks, is_cut, _, _ = await read_chunks(shared_log, "u1", task.task)
    assert [each[0] for each in chunks] == ["3", "4"]
    assert is_cut


def attempt(**changed: Any) -> Attempt:
    known: dict[str, Any] = dict.fromkeys(Attempt.__struct_fields__) | {
        "run": 1,
        "number": 1,
        "queued_at": AT,
        "given": 0,
    }
    return Attempt(**known | changed)


def test_output_is_whole_as_long_as_the_log_cannot_have_forgotten_any() -> None:
    log: Any = SimpleNamespace(epoch=7, state=SimpleNamespace(first_sequence=100))
    started = [attempt(started_at=AT, given=1)]
    soon, late = AT + timedelta(minutes=59), AT + timedelta(minutes=61)
    assert has_whole_output(log, [], None, late)
    assert has_whole_output(log, [attempt()], None, late), "nothing was ever written"
    assert has_whole_output(log, started, "7-100", soon)
    assert not has_whole_output(log, started, "7-100", late)
    assert not has_whole_output(log, started, "7-99", soon), "it has left the log"
    assert not has_whole_output(log, started, "6-500", soon), "it was in another log"
    assert not has_whole_output(log, None, None, soon), "nothing is known"


def batch(**counts: int) -> Batch:
    return Batch(
        id="b", kind="echo", priority=Priority.LOW, owner="u1", total=100, counts=Counts(**counts), state=BatchState.OPEN,
        created_at=AT, position="1-1",
    )  # fmt: skip


def test_a_batch_is_done_when_what_is_left_has_ended_as_fast_as_lately() -> None:
    now = AT + timedelta(seconds=50)
    rate = rate_of(batch(succeeded=20, failed=5, queued=75), Ends(25, AT), now)
    assert msgspec.to_builtins(rate) == {"per_second": 0.5, "eta_seconds": 150.0}
    # Inputs that the log does not have yet are left as well.
    rate = rate_of(batch(succeeded=25), Ends(25, AT), now)
    assert rate is not None
    assert rate.eta_seconds == 150.0
    assert msgspec.to_builtins(rate_of(batch(queued=100), Ends(0, AT), now)) == {"per_second": 0.0, "eta_seconds": None}
    assert rate_of(batch(queued=100), Ends(3, AT), AT + timedelta(seconds=2)) is None
