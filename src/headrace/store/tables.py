"""The tables. JSON is kept as `json`, not `jsonb`: what a task took and gave comes back as it was written."""

from __future__ import annotations

from datetime import datetime

from advanced_alchemy.base import DefaultBase
from sqlalchemy import BigInteger, ColumnElement, DateTime, Index, Integer, Text, cast, text
from sqlalchemy.orm import Mapped, mapped_column
from sqlalchemy.types import UserDefinedType


class RawJson(UserDefinedType[str]):
    """A `json` column, read as the text it is: nothing here looks into it."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        """What the column is in DDL."""
        return "JSON"

    def column_expression(self, colexpr: ColumnElement[str]) -> ColumnElement[str]:
        """How it is selected: as text, whatever decoders the driver has for JSON."""
        return cast(colexpr, Text)


Instant = DateTime(timezone=True)


class Task(DefaultBase):
    """One row a task: the fold of its events up to (epoch, sequence)."""

    __tablename__ = "tasks"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    priority: Mapped[str] = mapped_column(Text)
    owner: Mapped[str] = mapped_column(Text)
    batch: Mapped[str | None] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    attempt: Mapped[int] = mapped_column(Integer)
    max_attempts: Mapped[int | None] = mapped_column(Integer)
    input: Mapped[str] = mapped_column(RawJson)
    result: Mapped[str | None] = mapped_column(RawJson)
    error: Mapped[str | None] = mapped_column(RawJson)
    progress: Mapped[str | None] = mapped_column(RawJson)
    files: Mapped[str] = mapped_column(RawJson)
    due_at: Mapped[datetime | None] = mapped_column(Instant)
    expires_at: Mapped[datetime | None] = mapped_column(Instant)
    queued_at: Mapped[datetime | None] = mapped_column(Instant)
    fence: Mapped[int] = mapped_column(BigInteger, server_default="0")
    headers: Mapped[str] = mapped_column(RawJson, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(Instant)
    started_at: Mapped[datetime | None] = mapped_column(Instant)
    finished_at: Mapped[datetime | None] = mapped_column(Instant)
    epoch: Mapped[int] = mapped_column(BigInteger)
    sequence: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        Index("tasks_newest", "owner", text("created_at DESC"), text("id DESC")),
        Index("tasks_newest_of_kind", "owner", "kind", text("created_at DESC"), text("id DESC")),
        Index(
            "tasks_failed", "owner", text("created_at DESC"), text("id DESC"), postgresql_where=text("state = 'failed'")
        ),
        Index("tasks_of_batch", "batch", postgresql_where=text("batch IS NOT NULL")),
        Index("tasks_due", "due_at", postgresql_where=text("state = 'pending'")),
        Index(
            "tasks_expiring",
            "expires_at",
            postgresql_where=text("expires_at IS NOT NULL AND state IN ('pending', 'queued')"),
        ),
        Index("tasks_open", "queued_at", postgresql_where=text("state IN ('queued', 'running')")),
    )


class TaskEvent(DefaultBase):
    """The timeline: every event but the high-rate ones, without input and result, which stand on the task."""

    __tablename__ = "task_events"

    epoch: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    sequence: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    task: Mapped[str] = mapped_column(Text)
    event: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(Instant)
    attempt: Mapped[int] = mapped_column(Integer)
    data: Mapped[str] = mapped_column(RawJson)

    __table_args__ = (Index("task_events_of_task", "task", "epoch", "sequence"),)


class Batch(DefaultBase):
    """One row a batch: what it was created with, and how many of its tasks are in each state."""

    __tablename__ = "batches"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    kind: Mapped[str] = mapped_column(Text)
    priority: Mapped[str] = mapped_column(Text)
    owner: Mapped[str] = mapped_column(Text)
    name: Mapped[str | None] = mapped_column(Text)
    total: Mapped[int] = mapped_column(Integer)
    pending: Mapped[int] = mapped_column(Integer)
    queued: Mapped[int] = mapped_column(Integer)
    running: Mapped[int] = mapped_column(Integer)
    succeeded: Mapped[int] = mapped_column(Integer)
    failed: Mapped[int] = mapped_column(Integer)
    cancelled: Mapped[int] = mapped_column(Integer)
    state: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(Instant)
    cancelled_at: Mapped[datetime | None] = mapped_column(Instant)
    settled_at: Mapped[datetime | None] = mapped_column(Instant)
    settled_sequence: Mapped[int] = mapped_column(BigInteger)
    epoch: Mapped[int] = mapped_column(BigInteger)
    sequence: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        Index("batches_newest", "owner", text("created_at DESC"), text("id DESC")),
        Index("batches_open", "id", postgresql_where=text("state = 'open'")),
    )


class Schedule(DefaultBase):
    """One row a schedule: what it was last saved with, and what it has submitted last."""

    __tablename__ = "schedules"

    id: Mapped[str] = mapped_column(Text, primary_key=True)
    owner: Mapped[str] = mapped_column(Text)
    definition: Mapped[str] = mapped_column(RawJson)
    created_at: Mapped[datetime] = mapped_column(Instant)
    updated_at: Mapped[datetime] = mapped_column(Instant)
    announced_at: Mapped[datetime | None] = mapped_column(Instant)
    last_at: Mapped[datetime | None] = mapped_column(Instant)
    last_task: Mapped[str | None] = mapped_column(Text)
    epoch: Mapped[int] = mapped_column(BigInteger)
    sequence: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("schedules_oldest", "owner", "created_at", "id"),)


class Projection(DefaultBase):
    """How far the read model has come: everything up to (epoch, sequence) is in it."""

    __tablename__ = "projection"

    name: Mapped[str] = mapped_column(Text, primary_key=True)
    epoch: Mapped[int] = mapped_column(BigInteger)
    sequence: Mapped[int] = mapped_column(BigInteger)
