"""What the data of a streamed frame has besides the event's own fields, and the frames that are no event of a task."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, Struct

from headrace.contracts.tasks import Instant


class TaskFrame(Struct, frozen=True, kw_only=True):
    """What every frame of a task's event has. The event's own fields follow, without the input."""

    task: Annotated[str, Meta(description="The id of the task.")]
    kind: str
    batch: Annotated[str | None, Meta(description="The id of the task's batch.")]
    at: Annotated[Instant, Meta(description="When the log took the event.")]


class Reset(Struct, frozen=True):
    """Why the log does not continue after a client's position, and the position from which the stream goes on."""

    reason: str
    position: str
