"""What each process says of itself every few seconds, to the processes of the moment; it is kept nowhere."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

ProcessRole = Literal["api", "worker", "projector"]


class Slots(Struct, frozen=True, kw_only=True):
    """How many tasks of a kind a worker can run at a time, and how many it runs."""

    slots: int
    busy: int


class StreamFigures(Struct, frozen=True, kw_only=True):
    """The event streams of an API process.

    Attributes:
        open: How many are open.
        events_per_second: Events given to them, since the process last said so.
        lag_ms: From the moment in which the log took an event to that in which it was sent, on average since then.
        resets: Streams whose position was no longer in the log, since the process began.
    """

    open: int
    events_per_second: float
    lag_ms: float
    resets: int


class ProcessNotice(Struct, frozen=True, kw_only=True):
    """A process.

    Attributes:
        role: Which of the processes it is.
        name: Its name, unique among those of its role.
        version: Its version of Headrace.
        since: When it began.
        kinds: What a worker runs; empty for the others.
        streams: Those of an API process.
    """

    role: ProcessRole
    name: str
    version: str
    since: datetime
    kinds: dict[str, Slots] = {}
    streams: StreamFigures | None = None
