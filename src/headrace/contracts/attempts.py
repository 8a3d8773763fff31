"""The attempts of a task: what its timeline says, told attempt by attempt."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.tasks import FailureCode, Instant


class AttemptEnd(StrEnum):
    """How an attempt ended. After ``retried`` there is another one; after ``lost``, only where `next_at` says when.

    ``lost`` is for an attempt whose worker, or the process of whose handler, was lost.
    """

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RETRIED = "retried"
    CANCELLED = "cancelled"
    LOST = "lost"


class AttemptError(Struct, frozen=True, kw_only=True):
    """Why an attempt failed. The traceback stands in the timeline."""

    code: FailureCode
    message: str


class Attempt(Struct, frozen=True, kw_only=True):
    """One attempt of a run. It begins when the task is queued for it, so what waits until it is due is none yet."""

    run: Annotated[int, Meta(description="Counts from 1; running a task again begins the next.")]
    number: Annotated[int, Meta(description="Counts from 1 in each run, and increases.")]
    queued_at: Annotated[Instant, Meta(description="Since when a worker could have started it.")]
    started_at: Annotated[Instant | None, Meta(description="When a worker started it last.")]
    ended_at: Instant | None
    worker: Annotated[str | None, Meta(description="The worker that started it last.")]
    given: Annotated[
        int, Meta(description="How often a worker was given it and started it; more than once after a loss.")
    ]
    wait_seconds: Annotated[float | None, Meta(description="How long it waited for its last start.")]
    run_seconds: Annotated[float | None, Meta(description="How long it ran since its last start, once it has ended.")]
    end: AttemptEnd | None
    error: AttemptError | None
    next_at: Annotated[Instant | None, Meta(description="When the attempt that follows is due, as it was planned.")]


class Attempts(Struct, frozen=True, kw_only=True):
    """The attempts of a task, oldest first."""

    items: list[Attempt]
    runs: Annotated[int, Meta(description="How many runs the task has had, the current one included.")]
    complete: Annotated[bool, Meta(description="False when the task has more events than a timeline shows.")]
    position: Annotated[str, Meta(description="The log position this view reflects.")]
