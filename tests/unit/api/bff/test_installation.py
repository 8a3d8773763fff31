"""What screens of administrators say of the installation and of its kinds, of what was measured."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from headrace.api.bff.attention import Facts, find_attention
from headrace.api.bff.installation import Installation, health_of
from headrace.api.bff.kind_operations import (
    LastHourByKind,
    kind_operations,
    kinds_of,
    pause_of,
    reader_entries,
    stream_operations,
)
from headrace.api.gauges import Measured
from headrace.api.processes import Seen
from headrace.contracts.activity import ActivityCounts, Percentiles
from headrace.contracts.kinds import CatalogEntry
from headrace.contracts.processes import ProcessNotice, Slots, StreamFigures
from headrace.contracts.screens.envelope import Ref
from headrace.contracts.screens.operations import Pause
from headrace.log import consumer_names
from headrace.log.extent import LogExtent
from headrace.store.activity import Ends
from tests.cli.lanes import NOW, lane, observed

MINUTE = timedelta(minutes=1)
BEGIN = NOW - 59 * MINUTE


def process(role: Any, **differing: Any) -> Seen:
    return Seen(ProcessNotice(role=role, name=f"{role}-1", version="0.1.0", since=NOW, **differing), NOW)


ALL = [process("api"), process("projector"), process("worker")]


def extent(**differing: Any) -> LogExtent:
    values: dict[str, Any] = {
        "bytes": 10, "bytes_max": 100, "records": 4, "first_at": NOW, "retention": 60.0, "replicas": 3, "replicas_current": 3,
        "has_leader": True, "behind": [], "created_by": None, "disk": None, "memory": None, "asked_at": NOW,
    }  # fmt: skip
    return LogExtent(**values | differing)


def projector(**differing: Any) -> Any:
    return lane(None, durable=consumer_names.PROJECTOR, pulls=1, **differing)


@pytest.mark.parametrize(
    ("of_log", "lag", "processes", "is_away", "state"),
    [
        ({}, {}, ALL, False, "well"),
        ({}, {"queued": 9, "oldest_at": NOW - timedelta(seconds=9)}, ALL, False, "well"),
        ({}, {"queued": 9, "oldest_at": NOW - timedelta(seconds=11)}, ALL, False, "degraded"),
        ({"bytes": 80}, {}, ALL, False, "degraded"),
        ({"replicas_current": 2}, {}, ALL, False, "degraded"),
        ({}, {}, ALL[:2], False, "degraded"),
        ({"has_leader": False}, {}, ALL, False, "down"),
        ({}, {}, ALL, True, "down"),
    ],
)
def test_an_installation_is_well_degraded_or_down(
    of_log: dict[str, Any], lag: dict[str, Any], processes: list[Seen], is_away: bool, state: str
) -> None:
    measured = Measured([projector(**lag)], extent(**of_log))
    found = Installation.of(measured, processes, NOW)
    facts = Facts(owner=None, failures=[], failures_since=NOW, log=found.room, behind=found.lag)
    health = health_of(found, find_attention(facts, 9), is_away=is_away)
    assert health.state == state
    assert health.read_model.behind == lag.get("queued", 0)
    assert [each.role for each in health.processes] == [seen.notice.role for seen in processes]


@pytest.mark.parametrize(
    ("of_log", "processes", "state"),
    [({}, [], "starting"), ({}, ALL[:2], "starting"), ({}, ALL, "well"), ({"replicas_current": 2}, [], "degraded")],
)
def test_a_process_that_was_not_heard_of_yet_does_not_make_an_installation_degraded(
    of_log: dict[str, Any], processes: list[Seen], state: str
) -> None:
    found = Installation.of(Measured([projector()], extent(**of_log)), processes, NOW, is_complete=False)
    assert health_of(found, [], is_away=False).state == state


def test_a_kind_is_what_its_lanes_its_workers_the_catalog_and_the_read_model_say() -> None:
    lanes = [
        lane("echo", "high", queued=1, oldest_at=NOW - MINUTE, running=2, redelivered=1, pulls=1),
        lane("echo", "low", queued=5, oldest_at=NOW - 2 * MINUTE),
        lane("alone", None, durable="run-one-at-a-time-alone", queued=7, oldest_at=NOW, paused=True),
        projector(queued=3, running=4),
    ]
    entry = CatalogEntry(
        name="echo", description="", input_schema={}, result_schema={}, timeout=1, max_attempts=1, rate=5.0,
        announced_at=NOW, has_workers=True,
    )  # fmt: skip
    worker = process("worker", kinds={"echo": Slots(slots=8, busy=2)})
    counts = ActivityCounts(
        accepted=0, started=0, retried=0, succeeded=4, failed=2, cancelled=0,
        wait=Percentiles(p50=None, p95=None, p99=None), run=Percentiles(p50=0.1, p95=0.9, p99=1.0),
    )  # fmt: skip
    ended = LastHourByKind(
        begin=BEGIN,
        ends={"echo": {("echo", NOW): Ends(4, 2), ("echo", BEGIN): Ends(1, 0)}},
        counts={"echo": counts},
        pauses={"alone": pause_of(NOW, "u1", {"u1": "ada@example.com"}), "echo": Pause(by=None, at=NOW)},
    )
    gauges = {each.row.name: each for each in kinds_of(observed(*lanes), [entry], [worker])}
    echo, alone = kind_operations(gauges["echo"], ended), kind_operations(gauges["alone"], ended)
    assert (echo.waiting.high, echo.waiting.normal, echo.waiting.low, echo.oldest_waiting_seconds) == (1, 0, 5, 120)
    assert (echo.in_flight, echo.redelivered, echo.rate, echo.paused, echo.failed_last_hour) == (2, 1, 5.0, None, 2)
    assert [(each.name, each.slots, each.busy) for each in echo.workers] == [("worker-1", 8, 2)]
    assert echo.throughput is not None
    assert (echo.throughput.succeeded[0], echo.throughput.succeeded[-1], sum(echo.throughput.failed)) == (1, 4, 2)
    assert echo.run_seconds is not None
    assert echo.run_seconds.p95 == 0.9
    assert alone.paused == Pause(by=Ref(id="u1", name="ada@example.com"), at=NOW)
    assert (alone.waiting.normal, alone.has_workers, alone.failed_last_hour) == (7, False, 0)
    assert alone.message is not None
    assert ended.total.succeeded == 5
    # While the read model is away, what it says is missing, and the rest is there.
    without = kind_operations(gauges["alone"], None)
    assert (without.throughput, without.run_seconds, without.failed_last_hour) == (None, None, None)
    assert without.paused == Pause(by=None, at=None)
    (reader,) = reader_entries(observed(*lanes))
    assert (reader.name, reader.waiting, reader.in_flight, reader.hint) == (consumer_names.PROJECTOR, 3, 4, None)


def test_a_kind_without_workers_has_a_hint() -> None:
    (gauge,) = kinds_of(observed(lane(queued=3, oldest_at=NOW)), [], [])
    found = kind_operations(gauge, None)
    assert found.hint == "no_workers"
    assert found.message is not None
    assert found.message.startswith("no workers")


def test_streams_are_those_of_all_api_processes() -> None:
    some = StreamFigures(open=2, events_per_second=1.5, lag_ms=4.0, resets=1)
    found = stream_operations([process("api", streams=some), process("api", streams=some), process("worker")])
    assert (found.open, found.events_per_second, found.lag_ms, found.resets) == (4, 3.0, 4.0, 2)
