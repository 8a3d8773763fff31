"""The tables of the read model, each described once: the fields of a row are the columns of its table.

A row is a plain Struct, which the projector changes while it folds events. SQLAlchemy's table, the projector's statements
(`headrace.store.statements`) and most of what clients see (`headrace.store.reading`) follow from the fields by name, so a new
column needs a field here and a migration, see `headrace.store.columns`. JSON is kept as `json`, not `jsonb`: a task's input and result come back exactly
as they were written.
"""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct
from sqlalchemy import Column, Index, Integer, Table, Text, text

from headrace.store.columns import Instant, Json, Long, describe_table, metadata
from headrace.store.histograms import BUCKETS
from headrace.store.title_words import TITLE_WORDS


class Row(Struct, kw_only=True):
    """A row that knows the newest event it reflects, as the two parts of a position."""

    epoch: Long
    sequence: Long


class TaskSummaryRow(Row, kw_only=True):
    """A row of `tasks` without the two columns that may be large.

    ``code`` repeats the code of ``error``, because no query reads JSON that is kept as it was written. ``fingerprint`` is the same
    for failures that look alike, see `headrace.store.fingerprints`. ``labels`` has sorted entries ``key=value``. ``title`` is empty
    in a row that an older version has written, until it is filled, see `headrace.projector.backfill`.
    """

    id: str
    kind: str
    priority: str
    owner: str
    title: str
    labels: list[str]
    batch: str | None
    schedule: str | None
    state: str
    attempt: int
    max_attempts: int | None
    error: Json | None
    code: str | None
    fingerprint: str | None
    progress: Json | None
    files: Json
    due_at: datetime | None
    expires_at: datetime | None
    queued_at: datetime | None
    fence: Long
    headers: Json
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    wait_seconds: float | None
    run_seconds: float | None


class TaskRow(TaskSummaryRow, kw_only=True):
    """A row of `tasks`: the fold of the task's events up to (epoch, sequence)."""

    input: Json
    result: Json | None


class EventRow(Row, kw_only=True):
    """A row of `task_events`, the timeline. It has every event but the high-rate ones.

    ``data`` holds the event's own fields without input and result, which stand in the task's row.
    """

    task: str
    event: str
    at: datetime
    attempt: int
    data: Json


class BatchRow(Row, kw_only=True):
    """A row of `batches`: what a batch was created with, and how many of its tasks are in each state.

    ``labels`` are as in `TaskSummaryRow`. ``settled_sequence`` is the sequence of the batch's last `settled` event, 0 when there is none.
    """

    id: str
    kind: str
    priority: str
    owner: str
    name: str | None
    total: int
    pending: int = 0
    queued: int = 0
    running: int = 0
    succeeded: int = 0
    failed: int = 0
    cancelled: int = 0
    state: str
    created_at: datetime
    cancelled_at: datetime | None = None
    settled_at: datetime | None = None
    settled_sequence: Long = 0
    labels: list[str] = []


class ScheduleRow(Row, kw_only=True):
    """A row of `schedules`: the definition that was saved last, and the last task it submitted.

    ``announced_at`` is the time of a firing, past or to come, from which later firings are counted.
    """

    id: str
    owner: str
    definition: Json
    created_at: datetime
    updated_at: datetime
    announced_at: datetime | None
    last_at: datetime | None
    last_task: str | None


class ActivityRow(Struct, kw_only=True):
    """A row of `activity`: what happened to the tasks of an owner and a kind in a minute, or in an hour some days later. Under `EVERYBODY`
    stands what happened to those of all owners.

    ``counters`` are the columns that `COUNTERS` names, in this order. Nothing but additions changes them.
    """

    owner: str
    at: datetime
    kind: str
    minutes: int = 1
    counters: list[int]


class CheckpointRow(Row, kw_only=True):
    """A row of `projection`.

    It is ``tasks``, the position that the read model has reached; ``groups``, which is written together with it by those versions
    that count all that this one does; or ``repair``, where a repair began.
    """

    name: str


EVERYBODY = ""  # in place of an owner, in counts of all owners together; no owner has such an id

# Rows of an older version, which knew neither titles nor fingerprints.
TO_FILL = "title = '' OR (code IS NULL) <> (fingerprint IS NULL)"

# The labels of a task and its owner. An entry of a label has a `=`, which no id of an owner has.
OWNED_LABELS = "array_append(labels, owner)"

# In the predicate of an index, so that it has a task once, when it has ended.
FINAL = "state IN ('succeeded', 'failed', 'cancelled')"

COUNTS = ("accepted", "started", "retried", "succeeded", "failed", "cancelled")
WAITS = tuple(f"wait_{bucket}" for bucket in range(BUCKETS))
RUNS = tuple(f"run_{bucket}" for bucket in range(BUCKETS))
COUNTERS = (*COUNTS, *WAITS, *RUNS)

# A list or a selection names states, and is ordered by age. Each index below that ends in `_by_age` has the tasks of one state
# in that order; `headrace.store.by_age` merges the states that a query wants. So a filter by state needs no index of its own.
tasks = describe_table(
    "tasks",
    TaskRow,
    Index("tasks_by_age", "owner", "state", "created_at", "id"),
    Index("tasks_of_kind_by_age", "owner", "kind", "state", "created_at", "id"),
    Index(
        "tasks_of_batch_by_age",
        *("owner", "batch", "state", "created_at", "id"),
        postgresql_where=text("batch IS NOT NULL"),
    ),
    Index(
        "tasks_with_code_by_age",
        *("owner", "code", "state", "created_at", "id"),
        postgresql_where=text("code IS NOT NULL"),
    ),
    # As above, the longest first instead of by age. A task is in one only when it has such a duration, which is once for a task:
    # rows are written again until the task ends.
    Index("tasks_by_run", *("owner", "state", "run_seconds", "id"), postgresql_where=text("run_seconds IS NOT NULL")),
    Index(
        "tasks_of_kind_by_run",
        *("owner", "kind", "state", "run_seconds", "id"),
        postgresql_where=text("run_seconds IS NOT NULL"),
    ),
    Index(
        "tasks_of_batch_by_run",
        *("batch", "run_seconds", "id"),
        postgresql_where=text("batch IS NOT NULL AND run_seconds IS NOT NULL"),
    ),
    Index(
        "tasks_by_wait", *("owner", "state", "wait_seconds", "id"), postgresql_where=text("wait_seconds IS NOT NULL")
    ),
    Index(
        "tasks_of_kind_by_wait",
        *("owner", "kind", "state", "wait_seconds", "id"),
        postgresql_where=text("wait_seconds IS NOT NULL"),
    ),
    Index("tasks_finished", "owner", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
    Index("tasks_by_finish", "kind", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
    Index("tasks_due", "due_at", postgresql_where=text("state = 'pending'")),
    Index(
        "tasks_expiring",
        "expires_at",
        postgresql_where=text("expires_at IS NOT NULL AND state IN ('pending', 'queued')"),
    ),
    Index(
        "tasks_expiring_of_owner",
        *("owner", "expires_at"),
        postgresql_where=text("expires_at IS NOT NULL AND state IN ('pending', 'queued')"),
    ),
    Index("tasks_open", "queued_at", postgresql_where=text("state IN ('queued', 'running')")),
    # How many come before a task. Only one that waits for longer than a page of the projector takes is ever in it.
    Index("tasks_in_lane", "kind", "priority", "queued_at", postgresql_where=text("state = 'queued'")),
    Index(
        "tasks_failed_alike",
        *("fingerprint", "owner", "finished_at", "id"),
        postgresql_where=text("state = 'failed' AND fingerprint IS NOT NULL"),
    ),
    Index(
        "tasks_failed_alike_of_all",
        *("fingerprint", "finished_at", "id"),
        postgresql_where=text("state = 'failed' AND fingerprint IS NOT NULL"),
    ),
    Index("tasks_of_schedule", "schedule", "created_at", "id", postgresql_where=text("schedule IS NOT NULL")),
    # For administrators, who see the tasks of all owners in one list. Tasks of the same time are sorted when they are read.
    Index("tasks_of_all_by_age", "state", "created_at"),
    # The words and the labels of a task together with its owner. The words only when it has ended: they take longest to write.
    Index("tasks_by_words", text(TITLE_WORDS), postgresql_using="gin", postgresql_where=text(FINAL)),
    Index("tasks_by_labels", text(OWNED_LABELS), postgresql_using="gin", postgresql_where=text("labels <> '{}'")),
    Index("tasks_to_fill", "id", postgresql_where=text(TO_FILL)),
)
task_events = describe_table(
    "task_events",
    EventRow,
    Index("task_events_of_task", "task", "epoch", "sequence"),
    key=("epoch", "sequence"),
)
batches = describe_table(
    "batches",
    BatchRow,
    Index("batches_by_age", "owner", "state", "created_at", "id"),
    Index("batches_of_kind_by_age", "owner", "kind", "state", "created_at", "id"),
    # For administrators, who see the batches of all owners in one list.
    Index("batches_of_all_by_age", "state", "created_at", "id"),
    Index("batches_of_all_of_kind_by_age", "kind", "state", "created_at", "id"),
    Index("batches_open", "id", postgresql_where=text("state = 'open'")),
    Index("batches_by_settling", "kind", "settled_at", postgresql_where=text("state = 'settled'")),
)
schedules = describe_table("schedules", ScheduleRow, Index("schedules_oldest", "owner", "created_at", "id"))
activity = Table(
    "activity",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("at", Instant, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("minutes", Integer, primary_key=True),
    *(Column(counter, Integer, nullable=False) for counter in COUNTERS),
    Index("activity_by_time", "minutes", "at"),
    Index("activity_of_kind", "kind", "at"),
)
# The tasks of the read model, counted, see `headrace.store.tally`.
counts = Table(
    "counts",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("state", Text, primary_key=True),
    Column("n", Integer, nullable=False),
    Index("counts_open", "state", "owner", postgresql_where=text("state IN ('queued', 'running')")),
)
failures = Table(
    "failures",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    Column("hour", Instant, primary_key=True),
    Column("code", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Index("failures_by_hour", "owner", "hour"),
)
failure_groups = Table(
    "failure_groups",
    metadata,
    Column("owner", Text, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("fingerprint", Text, primary_key=True),
    Column("code", Text, nullable=False),
    Column("n", Integer, nullable=False),
    Column("last_hour", Instant, nullable=False),
    Column("owners", Integer, nullable=False),
    Index("failure_groups_newest", "owner", "last_hour", "fingerprint"),
)
projection = describe_table("projection", CheckpointRow, key=("name",))
