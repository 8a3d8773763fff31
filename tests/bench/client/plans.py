"""What the load client is told to do, and what it reports. Times are nanoseconds since 1970 by this machine's clock."""

from __future__ import annotations

from msgspec import Struct


class Burst(Struct, frozen=True, kw_only=True, tag=True):
    """So many requests, as fast as the connections give answers; each has to have this status.

    ``keyed``: each with an Idempotency-Key of its own.
    """

    port: int
    path: str
    body: str
    status: int
    requests: int
    connections: int = 32
    keyed: bool = False


class BurstResult(Struct, frozen=True, kw_only=True, tag=True):
    """``began``: just before the first request. ``cpu_seconds``: the client's own."""

    began: int
    seconds: float
    cpu_seconds: float
    bodies: list[str]


class Paced(Struct, frozen=True, kw_only=True, tag=True):
    """A submission of the kind `timed` every ``interval`` seconds, each followed to its end; ``warm_up`` more come first.

    Without ``followed`` it is over with the last answer: the stream of everything is a load of its own when much happens.
    """

    port: int
    body: str
    requests: int
    warm_up: int
    interval: float
    connections: int = 32
    followed: bool = True


class Sample(Struct, frozen=True, array_like=True):
    """The way of one task: the request's, the handler's, and when `finished` was read from the stream.

    The last three are 0 when it was not followed.
    """

    task: str
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
