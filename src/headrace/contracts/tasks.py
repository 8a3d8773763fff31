"""Submissions and tasks, as clients see them."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Raw, Struct

NULL = Raw(b"null")

KIND_PATTERN = r"^[a-z][a-z0-9_]{0,62}$(?!\n)"  # Python's $ also matches before a line break at the end
ID_PATTERN = r"^[A-Za-z0-9_-]{1,64}$(?!\n)"

KindName = Annotated[
    str, Meta(pattern=KIND_PATTERN, description="The name of a task kind.", examples=["text_feedback"])
]


class Priority(StrEnum):
    """Which lane a task waits in; ``low`` is the default of batch members."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class State(StrEnum):
    """Where a task is in its life. The last three are final."""

    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Whether nothing further happens to the task by itself."""
        return self in (State.SUCCEEDED, State.FAILED, State.CANCELLED)


class FailureCode(StrEnum):
    """Why a task failed."""

    INVALID_INPUT = "invalid_input"
    RAISED = "raised"
    TIMEOUT = "timeout"
    WORKER_LOST = "worker_lost"
    EXPIRED = "expired"
    RESULT_INVALID = "result_invalid"
    RESULT_TOO_LARGE = "result_too_large"


DELAY_SECONDS_MAX = 366 * 86_400.0  # a year, and a leap day
ATTEMPTS_MAX = 100

Input = Annotated[dict[str, Any], Meta(description="The kind's input; its JSON Schema is in GET /kinds.")]
Delay = Annotated[float, Meta(ge=0, le=DELAY_SECONDS_MAX, description="Seconds from now until it is due.")]
Instant = Annotated[datetime, Meta(tz=True)]
ExpiresIn = Annotated[
    float, Meta(gt=0, le=DELAY_SECONDS_MAX, description="Seconds from now: not started by then, it fails as `expired`.")
]
MaxAttempts = Annotated[int, Meta(ge=1, le=ATTEMPTS_MAX, description="Attempts in all, instead of what its kind says.")]


class Submission(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request to run one task: now, or at ``run_at``, or after ``delay``."""

    kind: KindName
    input: Input
    priority: Priority = Priority.NORMAL
    run_at: Annotated[Instant | None, Meta(description="When it is due; not together with `delay`.")] = None
    delay: Delay | None = None
    expires_in: ExpiresIn | None = None
    max_attempts: MaxAttempts | None = None


class TaskError(Struct, frozen=True, kw_only=True):
    """What went wrong, for the person who asked (message) and the one who looks into it (traceback)."""

    code: FailureCode
    message: str
    traceback: str | None = None


class Progress(Struct, frozen=True, kw_only=True):
    """How far a running task says it is."""

    fraction: Annotated[float, Meta(ge=0, le=1)]
    message: str | None = None


class StoredFile(Struct, frozen=True, kw_only=True):
    """A file that a task produced."""

    key: str
    name: str
    size: Annotated[int, Meta(ge=0, description="Bytes.")]
    media_type: str
    checksum: str


class TaskSummary(Struct, frozen=True, kw_only=True):
    """A task without the two parts that may be large, its input and its result."""

    id: str
    kind: str
    priority: Priority
    owner: str
    batch: str | None = None
    state: State
    attempt: int
    max_attempts: int | None = None
    error: TaskError | None = None
    progress: Progress | None = None
    files: tuple[StoredFile, ...] = ()
    due_at: Annotated[datetime | None, Meta(description="When a pending task is due.")] = None
    expires_at: Annotated[datetime | None, Meta(description="Not started by then, it fails as `expired`.")] = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    position: Annotated[str, Meta(description="The log position this view reflects.")]


class Task(TaskSummary, frozen=True, kw_only=True):
    """A task, whole."""

    input: Raw
    result: Annotated[Raw, Meta(description="Any JSON value; null until the task has succeeded.")]


class Selection(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which tasks something is to be done to; what is not said does not matter. The caller's own, in any case."""

    kind: KindName | None = None
    state: State | None = None
    code: Annotated[FailureCode | None, Meta(description="Failed with this code.")] = None
    batch: Annotated[str, Meta(max_length=64, pattern=ID_PATTERN)] | None = None
    created_from: Instant | None = None
    created_before: Instant | None = None
    finished_from: Instant | None = None
    finished_before: Instant | None = None


BULK_TASKS_MAX = 1000  # in one request, so that it ends in seconds; a caller with more asks again
BULK_PER_SECOND_MAX = 500.0  # a downstream that failed a million times is not to be hit a million times at once


class Bulk(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How something is done to many tasks: the oldest first, `limit` of them in one request."""

    dry_run: Annotated[bool, Meta(description="Only tell how many there are.")] = False
    limit: Annotated[int, Meta(ge=1, le=BULK_TASKS_MAX)] = BULK_TASKS_MAX
    per_second: Annotated[float, Meta(gt=0, le=BULK_PER_SECOND_MAX, description="How fast at most.")] = 100.0


class BulkRequest(Bulk, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Cancel, or run again, every task of a selection."""

    select: Selection


class BulkResult(Struct, frozen=True, kw_only=True):
    """What became of a bulk request. ``remaining`` above 0: ask again."""

    matched: Annotated[int, Meta(ge=0, description="Tasks of the selection when the request came.")]
    done: Annotated[int, Meta(ge=0, description="Of them changed by this request.")]
    remaining: Annotated[int, Meta(ge=0, description="Of them left for a next request.")]
    position: Annotated[str, Meta(description="Of the last change; read with `at_least=` it.")]


class TaskPage(Struct, frozen=True, kw_only=True):
    """One page of tasks, newest first."""

    items: list[TaskSummary]
    next_cursor: Annotated[str | None, Meta(description="Pass as `cursor` for the next page; null on the last.")]
    position: Annotated[str, Meta(description="The log position this page reflects; open /events with `after=` it.")]


class TimelineEntry(Struct, frozen=True, kw_only=True):
    """One event of a task's history, as kept in the read model."""

    position: str
    event: str
    at: datetime
    attempt: int
    data: Annotated[Raw, Meta(description="The event's own fields, without the input.")]


class Timeline(Struct, frozen=True, kw_only=True):
    """What happened to a task, oldest first; progress, log lines and streamed output are live only."""

    items: list[TimelineEntry]
    position: str
