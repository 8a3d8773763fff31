"""The tables of the read model, each described once: the fields of a row are the columns of its table.

A row is a plain Struct, which the projector changes while it folds events. SQLAlchemy's table, the projector's statements
(`headrace.store.statements`) and most of what clients see (`headrace.store.reading`) follow from the fields by name, so a new
column needs a field here and a migration. JSON is kept as `json`, not `jsonb`: a task's input and result come back exactly
as they were written.
"""

from __future__ import annotations

from datetime import datetime
from functools import cache
from types import NoneType
from typing import Annotated, Any, get_args, get_type_hints

from msgspec import Struct
from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    ColumnElement,
    DateTime,
    Double,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    cast,
    text,
)
from sqlalchemy.schema import SchemaItem
from sqlalchemy.types import TypeEngine, UserDefinedType

from headrace.store.histograms import BUCKETS


class RawJson(UserDefinedType[str]):
    """A `json` column that is read and written as text; nothing here decodes it."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """Name the type in DDL."""
        return "JSON"

    def column_expression(self, colexpr: ColumnElement[str]) -> ColumnElement[str]:
        """Select the column as text, whatever JSON decoder the driver has."""
        return cast(colexpr, Text)


Instant = DateTime(timezone=True)

Json = Annotated[str, "json"]
Long = Annotated[int, "64 bits"]

_SQL_TYPES: dict[Any, TypeEngine[Any]] = {
    str: Text(),
    Json: RawJson(),
    int: Integer(),
    float: Double(),
    Long: BigInteger(),
    datetime: Instant,
    bytes: LargeBinary(),
    list[str]: ARRAY(Text()),
}


class Row(Struct, kw_only=True):
    """A row that knows the newest event it reflects, as the two parts of a position."""

    epoch: Long
    sequence: Long


class TaskSummaryRow(Row, kw_only=True):
    """A row of `tasks` without the two columns that may be large.

    ``code`` repeats the code of ``error``, because no query reads JSON that is kept as it was written.
    """

    id: str
    kind: str
    priority: str
    owner: str
    batch: str | None
    state: str
    attempt: int
    max_attempts: int | None
    error: Json | None
    code: str | None
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

    ``settled_sequence`` is the sequence of the batch's last `settled` event, 0 when there is none.
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
    """A row of `activity`: what happened to the tasks of an owner and a kind in a minute, or in an hour some days later.

    ``counters`` are the columns that `COUNTERS` names, in this order. Nothing but additions changes them.
    """

    owner: str
    at: datetime
    kind: str
    minutes: int = 1
    counters: list[int]


class CheckpointRow(Row, kw_only=True):
    """A row of `projection`: ``tasks``, the position that the read model has reached, or ``repair``, where a repair began."""

    name: str


@cache
def json_fields(row: type[Struct]) -> frozenset[str]:
    """Return the names of a row's JSON columns."""
    hints = get_type_hints(row, include_extras=True)
    return frozenset(name for name, hint in hints.items() if _value_type(hint) == Json)


@cache
def column_types(row: type[Struct]) -> dict[str, TypeEngine[Any]]:
    """Return the SQL type of each of a row's columns."""
    hints = get_type_hints(row, include_extras=True)
    return {name: _SQL_TYPES[_value_type(hints[name])] for name in row.__struct_fields__}


def describe_table(name: str, row: type[Struct], *more: SchemaItem, key: tuple[str, ...] = ("id",)) -> Table:
    """Describe a table to SQLAlchemy: a column for each field of its row, in their order, and its indexes and constraints."""
    hints = get_type_hints(row, include_extras=True)
    columns = [_column(field, hints[field], primary_key=field in key) for field in row.__struct_fields__]
    return Table(name, metadata, *columns, *more)


def _column(name: str, hint: Any, *, primary_key: bool) -> Column[Any]:
    """Describe a column; it is nullable when its field may be None."""
    return Column(name, _SQL_TYPES[_value_type(hint)], primary_key=primary_key, nullable=NoneType in get_args(hint))


def _value_type(hint: Any) -> Any:
    """Return the type of a field's value when it is not None."""
    alternatives = get_args(hint)
    return alternatives[0] if NoneType in alternatives else hint


metadata = MetaData()

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
    Index("tasks_open", "queued_at", postgresql_where=text("state IN ('queued', 'running')")),
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
projection = describe_table("projection", CheckpointRow, key=("name",))
