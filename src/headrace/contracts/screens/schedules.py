"""The schedules of the caller: when each fires, and how it went."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.schedules import ScheduleDefinition
from headrace.contracts.screens.envelope import Screen
from headrace.contracts.tasks import Instant, State


class LastFiring(Struct, frozen=True, kw_only=True):
    """The last firing that submitted a task."""

    at: Instant
    task: Annotated[str, Meta(description="The id of the task.")]
    state: Annotated[State | None, Meta(description="Null when the task was deleted, or is too old.")]


class RecentRun(Struct, frozen=True, kw_only=True):
    """A task that a schedule has submitted."""

    task: str
    state: State
    at: Annotated[Instant, Meta(description="When it was submitted.")]
    seconds: Annotated[float | None, Meta(description="How long it ran; null while it has not.")]


class ScheduleEntry(Struct, frozen=True, kw_only=True):
    """A schedule."""

    id: str
    name: str | None
    kind: str
    definition: ScheduleDefinition
    next: Annotated[
        list[Instant],
        Meta(description="The next firings, 5 at most; none when it is paused or over, or has a problem."),
    ]
    last: LastFiring | None
    recent: Annotated[list[RecentRun], Meta(description="Its latest tasks, newest first, 12 at most.")]
    problem: Annotated[str | None, Meta(description="Why firings submit nothing at the moment, as a sentence.")]
    updated_at: Instant
    position: str


class SchedulesV1(Screen, frozen=True, kw_only=True):
    """One page of the caller's schedules, oldest first."""

    items: list[ScheduleEntry] | None
    next_cursor: Annotated[str | None, Meta(description="Pass as `cursor` for the next page; null on the last.")]
