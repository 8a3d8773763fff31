from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from headrace.cli.terminal.lag import columns
from headrace.cli.terminal.lag.columns import table
from headrace.durations import span
from headrace.lag.percentiles import Percentiles
from headrace.lag.rows import Row, rows_of
from headrace.log.announcements import Announcement
from headrace.log.deferred import AllDeferred, Deferred
from headrace.log.lane_states import lane_state
from tests.cli.lanes import NOW, lane, observed


def test_the_lanes_of_a_kind_are_folded_to_one_row() -> None:
    deferred = AllDeferred(
        by_lane={
            ("echo", "high"): Deferred(count=1, next_due_at=NOW),
            ("echo", "low"): Deferred(count=2, next_due_at=NOW - timedelta(1)),
        },
        is_complete=False,
    )
    found = observed(
        *(
            lane(priority="high", queued=1, pulls=2, oldest_at=NOW - timedelta(seconds=2)),
            lane(priority="low", queued=3, running=1, oldest_at=NOW - timedelta(seconds=9)),
            lane(None, durable="mine"),
        ),
        announced={"echo": Announcement(at=NOW - timedelta(seconds=4), concurrency=None, rate=None)},
        deferred=deferred,
        percentiles={"echo": Percentiles(wait_p50=0.1, wait_p95=1.0)},
    )
    (row,) = rows_of(found)
    assert (row.queued, row.running, row.pulls, row.oldest_queued_seconds) == (4, 1, 2, 9.0)
    assert (row.deferred, row.next_due_at, row.deferred_is_complete) == (3, NOW - timedelta(1), False)
    assert (row.announced_seconds, row.wait_p95_seconds, row.run_p50_seconds) == (4.0, 1.0, None)
    high, low = rows_of(found, lanes=True)
    assert (high.priority, high.queued, high.deferred, low.priority, low.queued) == ("high", 1, 1, "low", 3)
    assert [each.name for each in rows_of(found, others=True)] == ["echo", "mine"]


def test_a_kind_that_was_announced_and_has_no_consumers_has_a_row() -> None:
    announced = {"gone": Announcement(at=NOW, concurrency=None, rate=None)}
    (row,) = rows_of(observed(announced=announced))
    assert (row.name, row.state, row.queued) == ("gone", None, 0)


def test_a_narrow_terminal_is_told_what_it_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = rows_of(observed(lane(queued=1), announced={}))
    monkeypatch.setattr(columns, "output_width", lambda: 80)
    shown = table(rows)
    assert max(map(len, shown.splitlines())) <= 80
    assert "state" in shown
    assert "not shown in 80 columns: " in shown
    assert "next due" not in shown, "nothing is"
    monkeypatch.setattr(columns, "output_width", lambda: 200)
    assert "not shown" not in table(rows)


def test_the_last_activity_is_a_delivery_or_an_acknowledgement_by_the_servers_clock() -> None:
    assert lane_state(_info(), None).idle_seconds is None
    active = {
        "delivered": {"last_active": "2026-01-01T00:00:00.123456789Z"},
        "ack_floor": {"last_active": "2026-01-01T00:00:07Z"},
    }
    found = lane_state(_info(**active), NOW)
    assert (found.idle_seconds, found.oldest_at) == (3, NOW)
    assert (found.kind, found.priority, found.ack_wait) == ("shout", "low", 30)


def test_every_field_of_the_json_has_a_stable_name() -> None:
    assert Row.__struct_fields__ == (
        *("name", "of", "priority", "state", "hint", "queued", "oldest_queued_seconds", "running"),
        *("deferred", "deferred_is_complete", "next_due_at", "redelivered", "pulls", "paused"),
        *("announced_at", "announced_seconds"),
        *("wait_p50_seconds", "wait_p95_seconds", "run_p50_seconds", "run_p95_seconds"),
    )


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        *((0, "0 ms"), (0.0123, "12 ms"), (0.9996, "1 s"), (1.54, "1.5 s"), (12.4, "12 s"), (59.6, "1 min")),
        *((3569, "59 min"), (3599, "1 h"), (9000, "2.5 h"), (86_399, "1 d"), (400 * 86_400, "400 d")),
    ],
)
def test_a_time_span_is_told_in_its_largest_unit(seconds: float, shown: str) -> None:
    assert span(seconds) == shown


def _info(**differing: Any) -> dict[str, Any]:
    none: dict[str, Any] = {"num_pending": 0, "num_ack_pending": 0, "num_redelivered": 0, "num_waiting": 0}
    config = {"max_ack_pending": 10, "ack_wait": 30_000_000_000}
    described = {"name": "run-shout-low", "config": config, "delivered": {}, "ack_floor": {}}
    return {**none, **described, "ts": "2026-01-01T00:00:10Z", **differing}
