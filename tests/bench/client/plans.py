"""What the load client is told to do, and what it reports. Times are nanoseconds since 1970 by this machine's clock."""

from __future__ import annotations

from msgspec import Struct

FOLLOWING = "following"  # what the client says, on a line of its own, when all of its streams are open


class Burst(Struct, frozen=True, kw_only=True, tag=True):
    """So many requests, as fast as the connections give answers; each has to have this status.

    ``keyed``: each with an Idempotency-Key of its own. ``tokens``: a file with a credential on each line, which are used in turn.
    """

    port: int
    path: str
    body: str
    status: int
    requests: int
    connections: int = 32
    keyed: bool = False
    tokens: str | None = None


class BurstResult(Struct, frozen=True, kw_only=True, tag=True):
    """``began``: just before the first request. ``cpu_seconds``: the client's own."""

    began: int
    seconds: float
    cpu_seconds: float
    bodies: list[str]


class Paced(Struct, frozen=True, kw_only=True, tag=True):
    """A submission of the kind `timed` every ``interval`` seconds, each followed to its end; ``warm_up`` more come first.

    Without ``followed`` it is over with the last answer: the stream of everything is a load of its own when much happens.
    ``own``: each is followed by a client of its own, on a stream of that task alone which is opened at the answer.
    """

    port: int
    body: str
    requests: int
    warm_up: int
    interval: float
    connections: int = 32
    followed: bool = True
    own: bool = False
    path: str = "/api/v1/tasks"


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
    """Without the warm-up, in the order of the answers. ``open_most``: streams that were open at a time, of own ones."""

    samples: list[Sample]
    open_most: int = 0


class Follow(Struct, frozen=True, kw_only=True, tag=True):
    """Clients that follow numbered lines (`tests.bench.client.lines`), until each has the first ``lines`` of them.

    ``seconds``: how long that may take from when all clients follow; what a client does not have by then is missing.
    ``ids``: whether events have ids, `<epoch>-<sequence>`, that grow. ``separator``: see `tests.bench.client.wire.Stream`.
    ``other_path``: what every second client follows instead of ``path``.
    """

    port: int
    path: str
    other_path: str = ""
    clients: int
    lines: int
    seconds: float
    ids: bool = True
    separator: str = "\n\n"


class Latencies(Struct, frozen=True, kw_only=True):
    """Milliseconds from when a line was written to when a client had read it, over ``count`` deliveries."""

    count: int
    p50: float
    p90: float
    p99: float
    p999: float
    worst: float


class FollowResult(Struct, frozen=True, kw_only=True, tag=True):
    """``missing`` deliveries, of which those to ``cut_off`` clients that the server left are a part.

    ``seconds``: from the first line's writing to the last reading. ``cpu_seconds``: the client's own.
    """

    latencies: Latencies
    missing: int
    cut_off: int
    seconds: float
    cpu_seconds: float


class Hold(Struct, frozen=True, kw_only=True, tag=True):
    """Clients that follow where nothing happens, until the process gets SIGUSR1, ``seconds`` at most."""

    port: int
    path: str
    clients: int
    seconds: float
    separator: str = "\n\n"


class HoldResult(Struct, frozen=True, kw_only=True, tag=True):
    """None of the streams broke."""


class Resume(Struct, frozen=True, kw_only=True, tag=True):
    """Clients that follow numbered lines live, and others that come back at once, far behind.

    Line 0 is the next after the position ``after``. The ``live`` clients follow from line ``first``; when they have line
    ``behind - 1``, ``resuming`` more connect with ``after``. It is over when all of them have the first ``lines`` lines.
    """

    port: int
    path: str
    after: str
    live: int
    first: int
    resuming: int
    behind: int
    lines: int
    seconds: float


class ResumeResult(Struct, frozen=True, kw_only=True, tag=True):
    """``caught_up``: seconds from just before the first of them connected until each had what it was behind, sorted.

    Latencies are those of the live clients: ``before`` the others came, ``during`` their catching up, but for a second at
    least, and ``after`` that.
    """

    caught_up: list[float]
    before: Latencies
    during: Latencies
    after: Latencies
    missing: int
    cpu_seconds: float


Plan = Burst | Paced | Follow | Hold | Resume
Result = BurstResult | PacedResult | FollowResult | HoldResult | ResumeResult
