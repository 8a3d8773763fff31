"""The results of a batch: what became of each of its tasks, one a line, as NDJSON."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta, Raw, Struct

from headrace.contracts.tasks import State, TaskError

RESULTS_MEDIA_TYPE: Final = "application/x-ndjson"
RESULTS_FIELD: Final = "results"  # of an input: the file that the API writes for `results_of`


class ResultFile(Struct, frozen=True, kw_only=True):
    """A file that a task of a batch has saved."""

    id: Annotated[str, Meta(description="For GET /files/{id}/content.")]
    name: str
    size: Annotated[int, Meta(ge=0, description="Bytes.")]
    media_type: str


class BatchResult(Struct, frozen=True, kw_only=True):
    """What became of one task of a batch."""

    index: Annotated[int, Meta(ge=0, description="The place of its input in the batch.")]
    task: str
    kind: str
    title: str = ""
    state: State
    attempt: int
    result: Annotated[
        Raw,
        Meta(description="Any JSON value; null until the task has succeeded, and when it is too large for a line."),
    ]
    result_file: Annotated[
        str | None, Meta(description="The file that has the result, when it is too large for a line.")
    ] = None
    error: TaskError | None = None
    files: Annotated[tuple[ResultFile, ...], Meta(description="What its handler has saved.")] = ()
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    wait_seconds: float | None = None
    run_seconds: float | None = None
