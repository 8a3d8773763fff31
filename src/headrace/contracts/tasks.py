"""Submissions and tasks, as clients see them, and the limits and patterns of their fields."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

from msgspec import Meta, Raw, Struct

from headrace.contracts.labels import Labels
from headrace.contracts.patterns import WORD_PATTERN, pattern_of

NULL = Raw(b"null")

KIND_PATTERN = pattern_of(
    "the name of a kind: lower-case letters, digits and _, a letter first", r"^[a-z][a-z0-9_]{0,62}$(?!\n)"
)
ID_PATTERN = WORD_PATTERN

KindName = Annotated[
    str, Meta(pattern=KIND_PATTERN, description="The name of a task kind.", examples=["text_feedback"])
]


class Priority(StrEnum):
    """The lane that a task waits in; the tasks of a batch wait in ``low`` by default."""

    HIGH = "high"
    NORMAL = "normal"
    LOW = "low"


class State(StrEnum):
    """The state of a task. The last three are final."""

    PENDING = "pending"
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def final(self) -> bool:
        """Tell whether the task stays in this state unless somebody runs it again."""
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
    INPUT_MISSING = "input_missing"


DELAY_SECONDS_MAX = 366 * 86_400.0  # a year, and a leap day
ATTEMPTS_MAX = 100
KEY_CHARS_MAX = 255  # characters of an Idempotency-Key
# Visible ASCII characters but quotes, which may stand around them.
KEY_PATTERN = rf'^([!#-~]{{1,{KEY_CHARS_MAX}}}|"[!#-~]{{1,{KEY_CHARS_MAX}}}")$(?!\n)'

Input = Annotated[dict[str, Any], Meta(description="The kind's input; its JSON Schema is in GET /kinds.")]
Delay = Annotated[float, Meta(ge=0, le=DELAY_SECONDS_MAX, description="Seconds from now until the task is due.")]
Instant = Annotated[datetime, Meta(tz=True)]
ExpiresIn = Annotated[
    float,
    Meta(
        gt=0,
        le=DELAY_SECONDS_MAX,
        description="Seconds from now. A task that is not started by then fails as `expired`.",
    ),
]
MaxAttempts = Annotated[
    int, Meta(ge=1, le=ATTEMPTS_MAX, description="Attempts in all, instead of the number that the kind declares.")
]


class Submission(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request to run one task now, at ``run_at``, or after ``delay``."""

    kind: KindName
    input: Input
    priority: Priority = Priority.NORMAL
    run_at: Annotated[Instant | None, Meta(description="When the task is due; not together with `delay`.")] = None
    delay: Delay | None = None
    expires_in: ExpiresIn | None = None
    max_attempts: MaxAttempts | None = None
    labels: Labels = {}
    results_of: (
        Annotated[
            str,
            Meta(
                pattern=ID_PATTERN,
                description="A settled batch. Its results are written to a file, which becomes the field `results` of the input.",
            ),
        ]
        | None
    ) = None


class TaskError(Struct, frozen=True, kw_only=True):
    """Why a task failed: ``message`` is for the person who submitted it, ``traceback`` for the one who looks for the cause."""

    code: FailureCode
    message: str
    traceback: str | None = None


class Progress(Struct, frozen=True, kw_only=True):
    """How far a running task is, as its handler reports."""

    fraction: Annotated[float, Meta(ge=0, le=1)]
    message: str | None = None


class FileRole(StrEnum):
    """What a file of a task is that its handler has not saved.

    ``log`` and ``output`` are the lines and the chunks that its handler wrote, kept by its worker; ``input`` and ``result`` are those of
    a task whose own are too large for an event.
    """

    LOG = "log"
    OUTPUT = "output"
    INPUT = "input"
    RESULT = "result"


class StoredFile(Struct, frozen=True, kw_only=True):
    """A file that a task produced."""

    id: Annotated[str, Meta(description="For GET /files/{id}.")]
    key: str
    name: str
    size: Annotated[int, Meta(ge=0, description="Bytes.")]
    media_type: str
    checksum: Annotated[str, Meta(description="SHA-256 of its bytes, in hexadecimal.")]
    stored_at: Instant
    role: Annotated[
        FileRole | None,
        Meta(
            description="Null for what the handler has saved; else what was kept, or the `input` or `result` that is too large for an event."
        ),
    ] = None


class TaskSummary(Struct, frozen=True, kw_only=True):
    """A task without its input and its result, which may be large."""

    id: str
    kind: str
    priority: Priority
    owner: str
    title: Annotated[
        str, Meta(description="One line of text that says which task this is; at most 120 characters.")
    ] = ""
    labels: Annotated[dict[str, str], Meta(description="What the submitter calls the task by.")] = {}
    batch: str | None = None
    schedule: Annotated[str | None, Meta(description="The schedule that submitted the task.")] = None
    state: State
    attempt: int
    max_attempts: int | None = None
    error: TaskError | None = None
    progress: Progress | None = None
    files: tuple[StoredFile, ...] = ()
    due_at: Annotated[datetime | None, Meta(description="When a pending task is due.")] = None
    expires_at: Annotated[
        datetime | None, Meta(description="A task that is not started by then fails as `expired`.")
    ] = None
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    wait_seconds: Annotated[
        float | None, Meta(description="How long the attempt that was started last was runnable before its start.")
    ] = None
    run_seconds: Annotated[
        float | None, Meta(description="How long the attempt that ended the task ran; null when it was not started.")
    ] = None
    position: Annotated[str, Meta(description="The log position this view reflects.")]


class Task(TaskSummary, frozen=True, kw_only=True):
    """A whole task, with its input and its result."""

    input: Annotated[
        Raw,
        Meta(
            description="A JSON object; null when it has more than 8 MB, and the file with the role `input` has it, or when that file is lost."
        ),
    ]
    result: Annotated[
        Raw,
        Meta(
            description="Any JSON value; null until the task has succeeded, and when it has more than 8 MB: the file with the role "
            "`result` has it."
        ),
    ]


class TaskOrder(StrEnum):
    """The order of a list of tasks: by age, or by a duration. The latter has no tasks of which that duration is not known."""

    NEWEST = "newest"
    LONGEST_RUN = "longest_run"
    LONGEST_WAIT = "longest_wait"


class TaskPage(Struct, frozen=True, kw_only=True):
    """One page of tasks, newest first."""

    items: list[TaskSummary]
    next_cursor: Annotated[str | None, Meta(description="Pass as `cursor` for the next page; null on the last.")]
    position: Annotated[
        str, Meta(description="The log position this page reflects; pass as `after=` to /events to follow from here.")
    ]


class TimelineEntry(Struct, frozen=True, kw_only=True):
    """One event of a task's history, as kept in the read model."""

    position: str
    event: str
    at: datetime
    attempt: int
    data: Annotated[Raw, Meta(description="The event's own fields, without the input.")]


class Timeline(Struct, frozen=True, kw_only=True):
    """The events of a task, oldest first, without progress, log lines and streamed output, which are only sent live."""

    items: list[TimelineEntry]
    position: str
