"""What several screens show: the rows of tasks and batches, figures over time, groups of failures, and what needs somebody's attention."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct, field

from headrace.contracts.batches import BatchState, Counts
from headrace.contracts.filters import Filter
from headrace.contracts.screens.envelope import Ref
from headrace.contracts.tasks import FailureCode, Instant, Priority, Progress, State

SERIES_STEP_SECONDS = 60
SERIES_STEPS = 60  # an hour

_OWNER = "Whose it is. For administrators; null for everybody else."


class RowError(Struct, frozen=True, kw_only=True):
    """Why a task failed, or why its last attempt did. The traceback is on the page of the task."""

    code: FailureCode
    message: str


class TaskRow(Struct, frozen=True, kw_only=True):
    """A task as a row of a list."""

    id: str
    kind: str
    title: Annotated[str, Meta(description="One line that says which task this is; never empty.")]
    labels: dict[str, str]
    owner: Annotated[Ref | None, Meta(description=_OWNER)]
    batch: Ref | None
    schedule: Annotated[Ref | None, Meta(description="The schedule that submitted the task.")]
    priority: Priority
    state: State
    attempt: int
    max_attempts: Annotated[int | None, Meta(description="Null: as many as the kind declares.")]
    worker: Annotated[str | None, Meta(description="The worker that runs it; null unless it runs.")]
    progress: Progress | None
    error: RowError | None
    files: Annotated[int, Meta(description="How many files it has.")]
    due_at: Annotated[Instant | None, Meta(description="When a pending task is due.")]
    expires_at: Instant | None
    created_at: Instant
    started_at: Instant | None
    finished_at: Instant | None
    wait_seconds: Annotated[
        float | None, Meta(description="How long the attempt that was started last was runnable before its start.")
    ]
    run_seconds: Annotated[
        float | None, Meta(description="How long the attempt that ended the task ran; null when it was not started.")
    ]
    position: str


class BatchRow(Struct, frozen=True, kw_only=True):
    """A batch as a row of a list."""

    id: str
    kind: str
    name: str | None
    labels: Annotated[dict[str, str], Meta(description="What the submitter calls each of its tasks by.")]
    priority: Priority
    owner: Annotated[Ref | None, Meta(description=_OWNER)]
    total: int
    counts: Counts
    state: BatchState
    created_at: Instant
    cancelled_at: Instant | None
    settled_at: Instant | None
    position: str


class Series(Struct, frozen=True, kw_only=True):
    """How many tasks ended in each minute of an hour, the current one last."""

    from_: Annotated[datetime, Meta(tz=True, description="When the first minute began.")] = field(name="from")
    step: Annotated[int, Meta(description="Seconds.")] = SERIES_STEP_SECONDS
    succeeded: Annotated[list[int], Meta(description="60 numbers.")]
    failed: Annotated[list[int], Meta(description="60 numbers.")]


class Group(Struct, frozen=True, kw_only=True):
    """Tasks that failed alike."""

    fingerprint: str
    kind: str
    code: FailureCode
    message: Annotated[str, Meta(description="Of the newest of them.")]
    count: int
    first_at: Instant
    last_at: Instant
    newest: Annotated[str, Meta(description="The id of the newest of them.")]


class Attention(Struct, frozen=True, kw_only=True):
    """Something that somebody should look at, or do something about."""

    what: Literal["failures", "no_workers", "paused", "late", "expiring", "schedule_stuck", "log_filling", "behind"]
    severity: Annotated[Literal["look", "act"], Meta(description="Whether it goes away by itself.")]
    kind: Annotated[str | None, Meta(description="The kind that it is about; null when it is about none.")]
    count: Annotated[int, Meta(description="How many tasks, or whatever it is about.")]
    since: Instant
    group: Annotated[Group | None, Meta(description="The failures, when it is about some that are alike.")]
    query: Annotated[Filter | None, Meta(description="The tasks that it is about; null when it is about none.")]
