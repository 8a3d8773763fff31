"""One task: what it does, why it does not run yet, what came of it, and where it stands among others."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from headrace.contracts.attempts import Attempt
from headrace.contracts.screens.envelope import Ref, Screen
from headrace.contracts.screens.parts import ValuePart
from headrace.contracts.screens.rows import RowError, TaskRow
from headrace.contracts.tasks import Instant
from headrace.contracts.waiting import Waiting


class DetailError(RowError, frozen=True, kw_only=True):
    """Why a task failed, or why its last attempt did."""

    traceback: Annotated[str | None, Meta(description="Where the handler raised; null when it did not.")]
    fingerprint: Annotated[
        str | None,
        Meta(description="Of a failed task: selects those that failed alike, as the field of that name in a filter."),
    ] = None


class TaskDetail(TaskRow, frozen=True, kw_only=True):
    """A whole task."""

    input: ValuePart
    result: ValuePart
    error: DetailError | None
    runs: Annotated[int, Meta(description="How many runs it has had, the current one included.")]


class TimelineItem(Struct, frozen=True, kw_only=True):
    """One event of a task."""

    position: str
    event: str
    at: Instant
    attempt: int
    data: Annotated[dict[str, Any], Meta(description="The event's own fields, without input and result.")]


class LogLine(Struct, frozen=True, kw_only=True):
    """A line that a handler wrote."""

    at: Instant
    attempt: int
    level: Literal["debug", "info", "warning", "error"]
    message: str
    position: str


class TaskLog(Struct, frozen=True, kw_only=True):
    """The newest lines of a task, oldest first, 256 KB at most."""

    lines: list[LogLine]
    complete: Annotated[bool, Meta(description="False when there were, or may have been, earlier lines.")]


class TaskOutput(Struct, frozen=True, kw_only=True):
    """The newest chunks that a task has streamed, in order, 64 KB at most."""

    chunks: Annotated[list[Any], Meta(description="Any JSON values.")]
    complete: Annotated[bool, Meta(description="False when there were, or may have been, earlier chunks.")]
    position: Annotated[
        str | None, Meta(description="That of the event that has the last chunk; null when there is none.")
    ] = None


class DetailFile(Struct, frozen=True, kw_only=True):
    """A file of a task."""

    id: str
    name: str
    media_type: str
    size: Annotated[int, Meta(description="Bytes.")]
    inline: Annotated[bool, Meta(description="Whether a page may show it.")]


class Around(Struct, frozen=True, kw_only=True):
    """The neighbours of a task: in its batch, or else among those of its kind and owner."""

    newer: Annotated[str | None, Meta(description="The id of the one submitted next.")]
    older: Annotated[str | None, Meta(description="The id of the one submitted before.")]


class Siblings(Struct, frozen=True, kw_only=True):
    """Where a task stands in its batch."""

    batch: Ref
    index: Annotated[int, Meta(description="Which input of the batch it has, from 0.")]
    total: int


class TaskDetailV1(Screen, frozen=True, kw_only=True):
    """One task."""

    task: TaskDetail | None
    input_schema: Annotated[dict[str, Any] | None, Meta(description="JSON Schema; null for a kind that is not known.")]
    result_schema: Annotated[dict[str, Any] | None, Meta(description="JSON Schema; null for a kind that is not known.")]
    waiting: Annotated[Waiting | None, Meta(description="Why it does not run yet; null unless it waits.")]
    attempts: list[Attempt] | None
    timeline: Annotated[list[TimelineItem] | None, Meta(description="Its events, oldest first, the first 1,000.")]
    log: TaskLog | None
    output: TaskOutput | None
    files: Annotated[list[DetailFile] | None, Meta(description="The files that its handler has saved.")]
    around: Around | None
    siblings: Annotated[Siblings | None, Meta(description="Null for a task that is in no batch.")]
