"""Why a task does not run yet, how many come before it, and how long that takes."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.tasks import Instant, State


class Why(StrEnum):
    """Why a task waits: the first of these that is true.

    `not_due`: until a time, or for its next attempt. `log_away`: the log cannot be used, and nothing starts. `paused`: until its kind
    is resumed. `no_workers`: nobody runs its kind. `limit`: as many of its kind run, or start, as its limits allow. `behind`: others
    come first, or it is about to start.
    """

    NOT_DUE = "not_due"
    LOG_AWAY = "log_away"
    PAUSED = "paused"
    NO_WORKERS = "no_workers"
    LIMIT = "limit"
    BEHIND = "behind"


class Waiting(Struct, frozen=True, kw_only=True):
    """Why a task waits."""

    why: Why
    ahead: Annotated[
        int | None,
        Meta(
            description="How many tasks of its kind start before it, by their order and priority; null when that is not known, and "
            "for a task that is not due."
        ),
    ]
    more_ahead: Annotated[bool, Meta(description="Whether there are more ahead; they were not counted further.")]
    eta_seconds: Annotated[
        float | None,
        Meta(
            description="In how many seconds it starts, as the kind has started lately; of a task that is not due, until it is. "
            "Null when nothing can be said."
        ),
    ]


class TaskWaiting(Struct, frozen=True, kw_only=True):
    """Whether a task waits, and why."""

    state: State
    waiting: Annotated[Waiting | None, Meta(description="Null unless the task is pending or queued.")]
    at: Annotated[Instant, Meta(description="The time by the clock of the log.")]
    position: Annotated[str, Meta(description="The log position of the task that this reflects.")]
