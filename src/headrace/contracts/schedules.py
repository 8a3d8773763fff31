"""Schedules: tasks that are submitted regularly."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from headrace.contracts.labels import Labels
from headrace.contracts.payloads import decode_payload
from headrace.contracts.tasks import ExpiresIn, Input, Instant, KindName, MaxAttempts, Priority

EVERY_SECONDS_MIN = 1  # the shortest interval that the broker's timers keep
EVERY_SECONDS_MAX = 366 * 86_400

Cron = Annotated[
    str,
    Meta(
        max_length=100,
        description="Six fields: second, minute, hour, day of the month, month, day of the week.",
        examples=["0 30 9 * * 1-5"],
    ),
]
TimeZone = Annotated[
    str, Meta(max_length=64, description="The IANA name of the time zone of `cron`.", examples=["Europe/Berlin"])
]
ScheduleName = Annotated[str, Meta(max_length=200, description="A name for people, on one line.")]
Every = Annotated[
    int,
    Meta(
        ge=EVERY_SECONDS_MIN,
        le=EVERY_SECONDS_MAX,
        description="Seconds between firings, counted from `start_at`, or else from when the schedule was made or got this interval.",
    ),
]


class Missed(StrEnum):
    """What to do about firings that were missed because everything was down: skip them, or submit one task for all."""

    SKIP = "skip"
    CATCH_UP_ONCE = "catch_up_once"


class ScheduleDefinition(Struct, frozen=True, kw_only=True):
    """What to submit, and when: by ``cron`` (in ``time_zone``), or ``every`` so many seconds.

    Answers and events carry it, so a reader takes no offence at a field of a later version.
    """

    kind: KindName
    input: Input
    cron: Cron | None = None
    time_zone: TimeZone = "UTC"
    every: Every | None = None
    start_at: Annotated[
        Instant | None,
        Meta(description="Nothing is submitted before this time. With `every`, the first firing is at this time."),
    ] = None
    end_at: Annotated[Instant | None, Meta(description="Nothing is submitted from this time on.")] = None
    missed: Missed = Missed.SKIP
    paused: bool = False
    priority: Priority = Priority.NORMAL
    expires_in: ExpiresIn | None = None
    max_attempts: MaxAttempts | None = None
    name: ScheduleName | None = None
    labels: Labels = {}


class NewSchedule(ScheduleDefinition, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request to make or to change a schedule: what to submit, and when."""


class RestReason(StrEnum):
    """Why a schedule that is not paused submits nothing."""

    ACCOUNT_DISABLED = "account_disabled"
    KIND_DISABLED = "kind_disabled"


class Resting(Struct, frozen=True, kw_only=True):
    """Why a schedule submits nothing at its firings, which are not made up for later."""

    reason: RestReason
    message: Annotated[str, Meta(description="A sentence for people.")]


class Schedule(Struct, frozen=True, kw_only=True):
    """A schedule: its definition, its next firing and its last one."""

    id: str
    owner: str
    definition: ScheduleDefinition
    created_at: datetime
    updated_at: datetime
    next_at: Annotated[datetime | None, Meta(description="The next firing; null when there is none.")] = None
    last_at: Annotated[datetime | None, Meta(description="The last firing that submitted a task.")] = None
    last_task: Annotated[str | None, Meta(description="The task that the last firing submitted.")] = None
    resting: Annotated[
        Resting | None,
        Meta(description="Why firings submit nothing at the moment; null when they do, or it is paused."),
    ] = None
    position: Annotated[str, Meta(description="The log position this view reflects.")]


class ScheduleList(Struct, frozen=True, kw_only=True):
    """The caller's schedules, the oldest first."""

    items: list[Schedule]
    position: str


class ScheduleSaved(Struct, frozen=True, kw_only=True, tag_field="event", tag="saved"):
    """A schedule was made or changed, or its timer was set again.

    In ``created_at`` and ``updated_at``, None means the time of this event. A change carries the old ``created_at``; a timer
    that is set again carries both. ``next_at`` is the firing that the timer was set for; None when there is none, and in events
    of older versions. ``title`` is that of the tasks, as the schema of their kind said when the schedule was saved.
    """

    definition: ScheduleDefinition
    next_at: datetime | None = None
    title: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None


class ScheduleDeleted(Struct, frozen=True, kw_only=True, tag_field="event", tag="deleted"):
    """A schedule was deleted."""


class ScheduleFired(Struct, frozen=True, kw_only=True, tag_field="event", tag="fired"):
    """The broker's timer fired.

    The event carries the definition that its timer was set with, and the occurrence that it was set for: ``due_at``. The
    projector reads it, submits the task, and sets the timer for the next occurrence. Without ``due_at`` it comes from a timer
    of an older version, which the broker repeats by itself. ``title`` is that of the task.
    """

    definition: ScheduleDefinition
    due_at: datetime | None = None
    title: str | None = None


ScheduleEvent = ScheduleSaved | ScheduleDeleted | ScheduleFired


class ScheduleEventName(StrEnum):
    """The names of events in subjects."""

    SAVED = "saved"
    DELETED = "deleted"
    FIRED = "fired"


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[ScheduleEvent] = msgspec.json.Decoder(ScheduleEvent)


def encode(event: ScheduleEvent) -> bytes:
    """Encode an event as the payload of a log message: JSON on one line."""
    if isinstance(event, ScheduleDeleted) or event.definition.labels:
        return _encoder.encode(event)
    # A process of an older version refuses a definition that has labels.
    written: dict[str, Any] = msgspec.to_builtins(event, builtin_types=(datetime,))
    del written["definition"]["labels"]
    return _encoder.encode(written)


def encode_definition(definition: ScheduleDefinition) -> bytes:
    """Encode a definition by itself: without labels as an older version writes it, as in an event."""
    written = msgspec.structs.asdict(definition)
    if not definition.labels:
        del written["labels"]
    return _encoder.encode(written)


def decode(payload: bytes) -> ScheduleEvent:
    """Decode the payload of a log message.

    Raises:
        msgspec.MsgspecError: The payload is not an event of a schedule.
    """
    return decode_payload(_decoder, payload)
