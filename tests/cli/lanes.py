"""Lanes of kinds as NATS might describe them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from headrace.lag.reading import Observed
from headrace.log.deferred import AllDeferred
from headrace.log.lane_states import LaneState

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ACK_WAIT = 30.0


def lane(kind: str | None = "echo", priority: str | None = "normal", **differing: Any) -> LaneState:
    values: dict[str, Any] = {
        "durable": kind and (f"run-{kind}-{priority}" if priority else f"run-{kind}"),
        "kind": kind,
        "priority": priority,
        "queued": 0,
        "oldest_at": None,
        "running": 0,
        "running_max": 10,
        "redelivered": 0,
        "pulls": 0,
        "paused": False,
        "ack_wait": ACK_WAIT,
        "idle_seconds": None,
        "asked_at": NOW,
    }
    return LaneState(**values | differing)


def observed(*lanes: LaneState, **differing: Any) -> Observed:
    nothing = AllDeferred(by_lane={}, is_complete=True)
    return Observed(list(lanes), **{"announced": {}, "deferred": nothing, "flows": {}, "percentiles": {}} | differing)
