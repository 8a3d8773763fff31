from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.contracts.tasks import Priority
from headrace.errors import KindNotFound
from headrace.log import backlog
from headrace.log.backlog import Backlog, backlog_by_kind
from headrace.log.connection import Log
from headrace.log.consumer_names import run_consumer
from headrace.log.lanes import provision_lanes
from headrace.log.pauses import pause_kind
from tests.unit.log.test_lanes import queue

COUNTS = st.integers(0, 100_000)


def consumer(kind: str, priority: str | None, queued: int, running: int, limit: int, *, paused: bool) -> dict[str, Any]:
    return {
        "name": run_consumer(kind, priority),
        "num_pending": queued,
        "num_ack_pending": running,
        "config": {"max_ack_pending": limit},
        "paused": paused,
    }


@given(COUNTS, COUNTS, st.integers(1, 1000), st.booleans())
def test_the_backlog_asks_for_no_more_than_may_run_and_for_no_less_than_runs(
    queued: int, running: int, concurrency: int, paused: bool
) -> None:
    limited = consumer("a", None, queued, min(running, concurrency), concurrency, paused=paused)
    found = backlog_by_kind([limited])["a"]
    assert min(running, concurrency) <= found <= concurrency
    assert found == (min(running, concurrency) if paused else min(queued + min(running, concurrency), concurrency))
    lanes = [consumer("a", each, queued, running, 50_000, paused=paused) for each in Priority]
    others = [{**limited, "name": "projector"}, {**limited, "name": "firings"}, {**limited, "name": "somebody-else"}]
    assert backlog_by_kind([*lanes, *others]) == {"a": 3 * (running if paused else running + queued)}


async def _count(log: Log, *kinds: str, only: list[str] | None = None) -> int:
    return await Backlog(log, only).count(frozenset(kinds))


async def test_the_backlog_is_what_is_queued_and_what_runs_over_all_lanes_and_nothing_for_a_paused_kind(
    log: Log,
) -> None:
    await queue(log, Priority.HIGH, Priority.LOW, Priority.LOW)
    assert await _count(log, "echo") == 1, "without a consumer, it is enough for a first worker"
    for unknown in ("echoes", "no kind", "*", ">"):
        with pytest.raises(KindNotFound, match=r"no worker has ever run the kind '.+'; start one"):
            await _count(log, "echo", unknown)

    await provision_lanes(log, "echo", None)
    await provision_lanes(log, "talk", 1)
    assert await _count(log) == await _count(log, "echo", "talk") == await _count(log, "echo") == 3
    assert await _count(log, only=["echo"]) == 3
    with pytest.raises(KindNotFound, match="this worker does not run the kind 'talk'"):
        await _count(log, "talk", only=["echo"])

    pulling = await log._connection.jetstream().pull_subscribe_bind(durable="run-echo-low", stream="HEADRACE")
    (taken,) = await pulling.fetch(1)
    assert await _count(log, "echo") == 3, "one runs, two are queued"
    await pause_kind(log, "echo", paused=True)
    assert await _count(log, "echo") == 1, "the one that runs goes on"
    await taken.ack_sync()
    assert await _count(log, "echo") == 0
    await provision_lanes(log, "echo", 1)
    await pause_kind(log, "echo", paused=False)
    assert await _count(log, "echo") == 1, "no more may run at a time"


async def test_an_answer_is_reused_for_a_second(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr(backlog, "monotonic", lambda: now)
    asked = Backlog(log)
    await provision_lanes(log, "echo", None)
    now = 10.0
    assert await asked.count(frozenset()) == 0
    await queue(log, Priority.HIGH)
    assert await asked.count(frozenset()) == 0
    now += backlog.KNOWN_SECONDS
    assert await asked.count(frozenset()) == 1
