"""What administrators see first: whether the installation is healthy, whether anybody waits, and whether they are needed."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from headrace.contracts.batches import Counts
from headrace.contracts.processes import ProcessRole
from headrace.contracts.screens.envelope import Ref, Screen
from headrace.contracts.screens.rows import Attention, Series
from headrace.contracts.tasks import Instant

HealthState = Literal["well", "starting", "degraded", "down"]


class ProcessEntry(Struct, frozen=True, kw_only=True):
    """A process that told within the last 15 seconds that it is there."""

    role: ProcessRole
    name: str
    version: str
    since: Instant
    seen_at: Instant


class Replicas(Struct, frozen=True, kw_only=True):
    """The copies of the log."""

    wanted: int
    current: Annotated[int, Meta(description="How many are there and have everything.")]


class LogHealth(Struct, frozen=True, kw_only=True):
    """The log: how much it has, and may have."""

    bytes: int
    bytes_max: Annotated[int, Meta(description="The size from which on new work is refused.")]
    messages: int
    oldest_at: Annotated[Instant | None, Meta(description="When the oldest was stored; null when it is empty.")]
    replicas: Replicas


class ReadModelHealth(Struct, frozen=True, kw_only=True):
    """How far the read model is behind the log."""

    behind: Annotated[int, Meta(description="Events that it does not have yet.")]
    behind_seconds: Annotated[float, Meta(description="How long the oldest of them has waited.")]


class Health(Struct, frozen=True, kw_only=True):
    """How the installation is."""

    state: Annotated[
        HealthState,
        Meta(
            description="`down`: something that everything needs is away. `degraded`: somebody has to do something. "
            "`starting`: the API process that answers has just started or come back, and has not heard of every process yet."
        ),
    ]
    processes: list[ProcessEntry]
    log: LogHealth
    read_model: ReadModelHealth


class Latency(Struct, frozen=True, kw_only=True):
    """How long tasks waited for their start and ran, in the last hour, in milliseconds; null when none did."""

    start_p50: float | None
    start_p99: float | None
    run_p50: float | None
    run_p99: float | None


class BusyOwner(Struct, frozen=True, kw_only=True):
    """An account with tasks that run or wait to run."""

    owner: Ref
    running: int
    queued: int


class OverviewV1(Screen, frozen=True, kw_only=True):
    """Whether the installation is healthy, whether anybody waits, and whether administrators are needed."""

    health: Health | None
    counts: Annotated[Counts | None, Meta(description="How many tasks of all accounts are in each state.")]
    throughput: Series | None
    latency: Latency | None
    attention: Annotated[
        list[Attention] | None,
        Meta(description="What somebody has to do comes first, 10 at most; empty when all is well."),
    ]
    busiest: Annotated[list[BusyOwner] | None, Meta(description="5 at most.")]
    pending_users: Annotated[int | None, Meta(description="Accounts that wait for a decision.")]
