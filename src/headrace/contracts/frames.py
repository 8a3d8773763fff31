"""What the data of a streamed frame has besides the event's own fields, and the frames that are no event of a task."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.tasks import FailureCode, Instant, Priority


class Form(StrEnum):
    """How much a stream sends of each event: everything but the input, or what a row of a list needs."""

    FULL = "full"
    BRIEF = "brief"


class TaskFrame(Struct, frozen=True, kw_only=True):
    """What every frame of a task's event has. The event's own fields follow, without the input."""

    task: Annotated[str, Meta(description="The id of the task.")]
    kind: str
    batch: Annotated[str | None, Meta(description="The id of the task's batch.")]
    at: Annotated[Instant, Meta(description="When the log took the event.")]


class BriefFrame(TaskFrame, frozen=True, kw_only=True, omit_defaults=True):
    """What every frame of a task's event has in a brief stream. What has no value is left out, and so is the attempt 1."""

    batch: Annotated[str | None, Meta(description="The id of the task's batch.")] = None
    priority: Annotated[
        Priority | None, Meta(description="Left out at the end of a run; the task's earlier events say it.")
    ] = None
    title: Annotated[
        str | None,
        Meta(description="What people call the task; left out where the event does not say, as in older logs."),
    ] = None
    schedule: Annotated[str | None, Meta(description="The id of the schedule that submitted the task.")] = None
    labels: Annotated[dict[str, str] | None, Meta(description="What the submitter calls the task by.")] = None
    owner: Annotated[str | None, Meta(description="Whose task it is; in the stream of administrators.")] = None


class BriefError(Struct, frozen=True, kw_only=True):
    """Why a task failed, for the person who submitted it."""

    code: FailureCode
    message: str


class Reset(Struct, frozen=True):
    """Why the log does not continue after a client's position, and the position from which the stream goes on."""

    reason: str
    position: str


class Beat(Struct, frozen=True):
    """A sign of life. The client has every event up to the position."""

    position: str
    at: Annotated[Instant, Meta(description="The time of the server.")]


class ByeReason(StrEnum):
    """Why the right to see a stream has ended."""

    SIGNED_OUT = "signed_out"
    REVOKED = "revoked"
    EXPIRED = "expired"
    DISABLED = "disabled"
    ROLE_CHANGED = "role_changed"


class Bye(Struct, frozen=True):
    """Why the stream ends now and will not go on with the same credential: its session was ended, its key was revoked, it has
    expired, the account is not active any more, or the account has another role.
    """

    reason: ByeReason
