"""What the load client is told to do, and what it reports. Times are nanoseconds since 1970 by this machine's clock."""

from __future__ import annotations

from msgspec import Struct


class Burst(Struct, frozen=True, kw_only=True, tag=True):
    """So many requests, as fast as the connections give answers; each has to have this status."""

    port: int
    path: str
    body: str
    status: int
    requests: int
    connections: int = 32


class BurstResult(Struct, frozen=True, kw_only=True, tag=True):
    """``began``: just before the first request. ``cpu_seconds``: the client's own."""

    began: int
    seconds: float
    cpu_seconds: float
    bodies: list[str]


class Paced(Struct, frozen=True, kw_only=True, tag=True):
    """A submission of the kind `timed` every ``interval`` seconds, each followed to its end; ``warm_up`` more come first."""

    port: int
    body: str
    requests: int
    warm_up: int
    interval: float
    connections: int = 32


class Sample(Struct, frozen=True, array_like=True):
    """The way of one task: the request's, the handler's, and when `finished` was read from the stream."""

    due: int
    sent: int
    answered: int
    started: int
    ended: int
    seen: int


class PacedResult(Struct, frozen=True, kw_only=True, tag=True):
    """Without the warm-up, in the order of the answers."""

    samples: list[Sample]


Plan = Burst | Paced
Result = BurstResult | PacedResult
