"""Examples of the screens that say how the installation is: see `tests.bff.examples`."""

from __future__ import annotations

from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from headrace.contracts.batches import Counts
from headrace.contracts.screens.envelope import Ref
from headrace.contracts.screens.operations import (
    KindOperations,
    LastHour,
    OperationsV1,
    Pause,
    ReaderEntry,
    RunSeconds,
    StreamOperations,
    WaitingByPriority,
    WorkerEntry,
)
from headrace.contracts.screens.overview import (
    BusyOwner,
    Health,
    Latency,
    LogHealth,
    OverviewV1,
    ProcessEntry,
    ReadModelHealth,
    Replicas,
)
from headrace.contracts.screens.rows import Attention
from tests.bff.example_values import ADA, AT, NO_LOG, OF_READ_MODEL, ago, four
from tests.bff.overview_examples import COUNTS, FAILURES, NO_WORKERS, NOTHING, SERIES

WORKER = "worker-7f6c-1"


def overview() -> dict[str, Struct]:
    health = Health(
        state="degraded",
        processes=[
            ProcessEntry(role="worker", name=WORKER, version="0.1.0", since=ago(hours=3), seen_at=ago(seconds=2))
        ],
        log=LogHealth(
            bytes=850 << 20,
            bytes_max=1 << 30,
            messages=4_100_000,
            oldest_at=ago(days=6),
            replicas=Replicas(wanted=3, current=2),
        ),
        read_model=ReadModelHealth(behind=12, behind_seconds=0.2),
    )
    filling = Attention(what="log_filling", severity="look", kind=None, count=83, since=AT, group=None, query=None)
    full = OverviewV1(
        **OF_READ_MODEL,
        health=health,
        counts=COUNTS,
        throughput=SERIES,
        latency=Latency(start_p50=3.1, start_p99=48.0, run_p50=820.0, run_p99=41_000.0),
        attention=[NO_WORKERS, filling, FAILURES],
        busiest=[BusyOwner(owner=Ref(id=ADA, name="ada@example.com"), running=3, queued=120)],
        pending_users=2,
    )
    new = replace(health, state="well", log=replace(health.log, bytes=0, messages=0, oldest_at=None))
    nothing: dict[str, Any] = {
        "health": replace(new, processes=[], read_model=ReadModelHealth(behind=0, behind_seconds=0.0)),
        "counts": Counts(),
        "throughput": NOTHING,
        "latency": Latency(start_p50=None, start_p99=None, run_p50=None, run_p99=None),
        "attention": [],
        "busiest": [],
        "pending_users": 0,
    }
    return four(full, nothing, "health", NO_LOG)


def operations() -> dict[str, Struct]:
    busy = KindOperations(
        name="table_profile",
        has_workers=True,
        workers=[WorkerEntry(name=WORKER, slots=8, busy=3, version="0.1.0", seen_at=ago(seconds=2))],
        paused=None,
        waiting=WaitingByPriority(high=0, normal=34, low=3),
        oldest_waiting_seconds=4.5,
        in_flight=3,
        redelivered=1,
        concurrency=None,
        rate=20.0,
        throughput=SERIES,
        run_seconds=RunSeconds(p50=0.8, p95=12.0),
        failed_last_hour=1,
        hint=None,
        message="1 task is delivered again: a worker ended, or did not answer for 30 s",
    )
    paused = replace(
        busy,
        name="text_feedback",
        has_workers=False,
        workers=[],
        paused=Pause(by=Ref(id=ADA, name="ada@example.com"), at=ago(minutes=20)),
        waiting=WaitingByPriority(high=0, normal=0, low=0),
        oldest_waiting_seconds=None,
        in_flight=0,
        redelivered=0,
        concurrency=4,
        rate=None,
        throughput=NOTHING,
        run_seconds=RunSeconds(p50=None, p95=None),
        failed_last_hour=0,
        hint="no_workers",
        message="paused: `headrace resume text_feedback` lets it go on",
    )
    full = OperationsV1(
        **OF_READ_MODEL,
        kinds=[busy, paused],
        last_hour=LastHour(succeeded=21, failed=1),
        readers=[
            ReaderEntry(name="projector", waiting=12, in_flight=500, idle_seconds=0.1, hint=None),
            ReaderEntry(name="firings", waiting=0, in_flight=0, idle_seconds=None, hint=None),
        ],
        streams=StreamOperations(open=41, events_per_second=310.5, lag_ms=2.4, resets=0),
    )
    none = StreamOperations(open=0, events_per_second=0.0, lag_ms=0.0, resets=0)
    nothing = {"kinds": [], "last_hour": LastHour(succeeded=0, failed=0), "readers": [], "streams": none}
    return four(full, nothing, "readers", NO_LOG)
