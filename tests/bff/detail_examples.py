"""Examples of the screens that show one thing closely: see `tests.bff.examples`."""

from __future__ import annotations

from msgspec import Struct
from msgspec.structs import asdict, replace

from headrace.contracts.attempts import Attempt, AttemptEnd, AttemptError
from headrace.contracts.batches import BatchState, Counts
from headrace.contracts.screens.batch_detail import Archive, BatchDetailV1, BatchRate
from headrace.contracts.screens.envelope import Ref
from headrace.contracts.screens.parts import LargePart, NoPart, WholePart
from headrace.contracts.screens.rows import BatchRow, TaskRow
from headrace.contracts.screens.task_detail import (
    Around,
    DetailError,
    DetailFile,
    LogLine,
    Siblings,
    TaskDetail,
    TaskDetailV1,
    TaskLog,
    TaskOutput,
    TimelineItem,
)
from headrace.contracts.tasks import FailureCode, Priority, State
from headrace.contracts.waiting import Waiting, Why
from tests.bff.example_values import ADA, CURSOR, NO_LISTS, NO_LOG, OF_READ_MODEL, POSITION, ago, four
from tests.bff.overview_examples import BATCH, GROUP, NOTHING, SERIES

MEMBER_OF_BATCH = f"{BATCH}-17"
PROFILE = "01980f70-0000-7000-8000-000000004e9d"
COPY = "01980f70-0000-7000-8000-00000000c091"
ROW = TaskRow(
    id=MEMBER_OF_BATCH,
    kind="table_profile",
    title="https://example.com/table.csv",
    labels={"customer": "42"},
    owner=Ref(id=ADA, name="ada@example.com"),
    batch=Ref(id=BATCH, name="Class 9b"),
    schedule=None,
    priority=Priority.LOW,
    state=State.QUEUED,
    attempt=2,
    max_attempts=3,
    worker=None,
    progress=None,
    error=None,
    files=0,
    due_at=None,
    expires_at=None,
    created_at=ago(minutes=9),
    started_at=ago(minutes=6),
    finished_at=None,
    wait_seconds=0.4,
    run_seconds=None,
    position=POSITION,
)
FIRST = Attempt(
    run=1,
    number=1,
    queued_at=ago(minutes=9),
    started_at=ago(minutes=6),
    ended_at=ago(minutes=5),
    worker="worker-1",
    given=1,
    wait_seconds=180.0,
    run_seconds=60.0,
    end=AttemptEnd.RETRIED,
    error=AttemptError(code=FailureCode.RAISED, message="ValueError: row 17 has 3 cells, the header has 4"),
    next_at=ago(minutes=4),
)
SECOND = replace(
    FIRST,
    number=2,
    queued_at=ago(minutes=4),
    started_at=None,
    ended_at=None,
    worker=None,
    given=0,
    wait_seconds=None,
    run_seconds=None,
    end=None,
    error=None,
    next_at=None,
)


def task_detail() -> dict[str, Struct]:
    error = DetailError(
        code=FailureCode.RAISED, message="ValueError: row 17 has 3 cells, the header has 4", traceback="Traceback …"
    )
    task = TaskDetail(
        **asdict(ROW) | {"error": error},
        input=WholePart(value={"url": "https://example.com/table.csv"}),
        result=LargePart(bytes=400_000),
        runs=1,
    )
    line = LogLine(at=ago(minutes=6), attempt=1, level="info", message="read 16 rows", position="1795745875256-4700")
    full = TaskDetailV1(
        **OF_READ_MODEL,
        task=task,
        input_schema={"type": "object", "properties": {"url": {"type": "string"}}},
        result_schema={"type": "object"},
        waiting=Waiting(why=Why.BEHIND, ahead=41, more_ahead=False, eta_seconds=20.5),
        attempts=[FIRST, SECOND],
        timeline=[
            TimelineItem(
                position="1795745875256-4690", event="queued", at=ago(minutes=9), attempt=1, data={"fence": 0}
            ),
            TimelineItem(
                position="1795745875256-4699",
                event="started",
                at=ago(minutes=6),
                attempt=1,
                data={"worker": "worker-1"},
            ),
        ],
        log=TaskLog(lines=[line], complete=True),
        output=TaskOutput(chunks=["The ", "table ", {"rows": 16}], complete=False, position="1795745875256-4703"),
        files=[
            DetailFile(id=PROFILE, name="profile.pdf", media_type="application/pdf", size=210_004, inline=True),
            DetailFile(id=COPY, name="table.parquet", media_type="application/octet-stream", size=48_213, inline=False),
        ],
        around=Around(newer=f"{BATCH}-18", older=f"{BATCH}-16"),
        siblings=Siblings(batch=Ref(id=BATCH, name="Class 9b"), index=17, total=500),
    )
    alone = replace(task, owner=None, batch=None, error=None, input=WholePart(value={}), result=NoPart(), labels={})
    nothing = {
        "task": alone,
        "input_schema": None,
        "result_schema": None,
        "waiting": None,
        "attempts": [],
        "timeline": [],
        "files": [],
        "log": TaskLog(lines=[], complete=True),
        "output": TaskOutput(chunks=[], complete=True),
        "around": Around(newer=None, older=None),
        "siblings": None,
    }
    return four(full, nothing, "log", NO_LOG)


def batch_detail() -> dict[str, Struct]:
    row = BatchRow(
        id=BATCH,
        kind="table_profile",
        name="Class 9b",
        labels={"customer": "42"},
        priority=Priority.LOW,
        owner=Ref(id=ADA, name="ada@example.com"),
        total=500,
        counts=Counts(queued=60, running=8, succeeded=420, failed=12),
        state=BatchState.OPEN,
        created_at=ago(minutes=9),
        cancelled_at=None,
        settled_at=None,
        position=POSITION,
    )
    full = BatchDetailV1(
        **OF_READ_MODEL,
        batch=row,
        rate=BatchRate(per_second=1.44, eta_seconds=47.2),
        throughput=SERIES,
        failures=[replace(GROUP, count=12)],
        failures_counted=12,
        slowest=[replace(ROW, id=f"{BATCH}-3", state=State.SUCCEEDED, finished_at=ago(minutes=1))],
        items=[ROW],
        next_cursor=CURSOR,
        archive=Archive(state="none", task=None, file=None),
    )
    nothing = {
        "batch": replace(row, owner=None, name=None, counts=Counts(), total=1),
        "rate": None,
        "throughput": NOTHING,
        "failures": [],
        "failures_counted": 0,
        "slowest": [],
        "items": [],
        "next_cursor": None,
    }
    return four(full, nothing, "throughput", NO_LISTS)
