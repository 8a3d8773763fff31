"""Examples of the screens that say how work goes: see `tests.bff.examples`."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict, replace

from headrace.contracts.batches import BatchState, Counts
from headrace.contracts.filters import Filter
from headrace.contracts.screens.dashboard import DashboardKind, DashboardV1, NextFiring, Today
from headrace.contracts.screens.envelope import Ref
from headrace.contracts.screens.failures import FailureGroup, FailureSample, FailuresV1, SelectedFailures
from headrace.contracts.screens.parts import WholePart
from headrace.contracts.screens.rows import Attention, BatchRow, Group, RowError, Series, TaskRow
from headrace.contracts.tasks import FailureCode, Priority, Progress, State
from tests.bff.example_values import ADA, AT, CURSOR, NO_LISTS, OF_READ_MODEL, POSITION, SCHEDULE, TASK, ago, four

BATCH = "01980f6f-0000-7000-8000-0000000ba7c4"
COUNTS = Counts(pending=2, queued=37, running=3, succeeded=1204, failed=12, cancelled=1)
SERIES = Series(from_=ago(minutes=59), succeeded=[0] * 58 + [12, 9], failed=[0] * 59 + [1])
NOTHING = Series(from_=ago(minutes=59), succeeded=[0] * 60, failed=[0] * 60)
GROUP = Group(
    fingerprint="8a5c0b7d1f3e2946",
    kind="table_profile",
    code=FailureCode.RAISED,
    message="ValueError: row 17 has 3 cells, the header has 4",
    count=9,
    first_at=ago(hours=5),
    last_at=ago(minutes=2),
    newest="01980f70-0000-7000-8000-0000000fa11d",
)
FAILURES = Attention(
    what="failures",
    severity="look",
    kind="table_profile",
    count=9,
    since=ago(minutes=2),
    group=GROUP,
    query=Filter(state=[State.FAILED], fingerprint=GROUP.fingerprint, finished_from=ago(hours=23, minutes=15)),
)
NO_WORKERS = Attention(
    what="no_workers",
    severity="act",
    kind="text_feedback",
    count=37,
    since=ago(minutes=20),
    group=None,
    query=Filter(state=[State.QUEUED], kind=["text_feedback"]),
)
RUNNING = TaskRow(
    id=TASK,
    kind="table_profile",
    title="https://example.com/table.csv",
    labels={"customer": "42"},
    owner=None,
    batch=Ref(id=BATCH, name="Class 9b"),
    schedule=Ref(id=SCHEDULE, name="Every working day"),
    priority=Priority.NORMAL,
    state=State.RUNNING,
    attempt=2,
    max_attempts=3,
    worker="worker-7f6c-1",
    progress=Progress(fraction=0.4, message="reading"),
    error=RowError(code=FailureCode.TIMEOUT, message="the first attempt ran for more than 60 s"),
    files=0,
    due_at=None,
    expires_at=AT + timedelta(hours=1),
    created_at=ago(minutes=5),
    started_at=ago(seconds=14),
    finished_at=None,
    wait_seconds=0.4,
    run_seconds=None,
    position=POSITION,
)
OPEN_BATCH = BatchRow(
    id=BATCH,
    kind="text_feedback",
    name="Class 9b",
    labels={"customer": "42"},
    priority=Priority.LOW,
    owner=None,
    total=500,
    counts=Counts(queued=80, running=8, succeeded=412),
    state=BatchState.OPEN,
    created_at=ago(minutes=9),
    cancelled_at=None,
    settled_at=None,
    position=POSITION,
)


def failures() -> dict[str, Struct]:
    group = FailureGroup(**asdict(GROUP), owners=3, per_hour=[0] * 18 + [2, 0, 0, 1, 0, 6])
    failed = replace(
        RUNNING,
        id=GROUP.newest,
        owner=Ref(id=ADA, name="ada@example.com"),
        state=State.FAILED,
        worker=None,
        progress=None,
        error=RowError(code=GROUP.code, message=GROUP.message),
        finished_at=ago(minutes=2),
    )
    traceback = 'Traceback (most recent call last):\n  File "table_profile.py", line 40, in run\n' + GROUP.message
    sample = FailureSample(
        task=GROUP.newest, traceback=traceback, input=WholePart(value={"url": "https://example.com/table.csv"})
    )
    selected = SelectedFailures(
        filter=Filter(state=[State.FAILED], fingerprint=GROUP.fingerprint),
        items=[failed],
        next_cursor=CURSOR,
        sample=sample,
    )
    full = FailuresV1(**OF_READ_MODEL, total=12, groups=[group], next_cursor=CURSOR, selected=selected)
    nothing = {"total": 0, "groups": [], "next_cursor": None, "selected": None}
    return four(full, nothing, "groups", NO_LISTS, "groups", "next_cursor", "position")


def dashboard() -> dict[str, Struct]:
    full = DashboardV1(
        **OF_READ_MODEL,
        counts=COUNTS,
        today=Today(succeeded=980, failed=9, median_seconds=8.2, p95_seconds=40.1),
        throughput=SERIES,
        running=[RUNNING],
        attention=[NO_WORKERS, FAILURES],
        batches=[OPEN_BATCH],
        next=[NextFiring(schedule=Ref(id=SCHEDULE, name=None), kind="table_profile", at=AT + timedelta(hours=23))],
        kinds=[
            DashboardKind(name="table_profile", title="Table profile", has_workers=True, paused=False),
            DashboardKind(name="text_feedback", title="Text feedback", has_workers=False, paused=True),
        ],
    )
    lists: dict[str, Any] = {name: [] for name in ("running", "attention", "batches", "next", "kinds")}
    nothing: dict[str, Any] = {
        "counts": Counts(),
        "today": Today(succeeded=0, failed=0, median_seconds=None, p95_seconds=None),
        "throughput": NOTHING,
        **lists,
    }
    return four(full, nothing, "running", NO_LISTS)
