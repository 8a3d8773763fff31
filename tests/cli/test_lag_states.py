from __future__ import annotations

from typing import Any

import pytest

from headrace.lag.hints import Situation, find_state, reader_state
from headrace.log.announcements import Announcement
from headrace.log.lane_states import Flow, LaneState
from tests.cli.lanes import NOW, lane


def situation(*lanes: LaneState, oldest: float | None = 1.0, announced: float | None = 5.0, **more: Any) -> Situation:
    announcement = Announcement(at=NOW, concurrency=None, rate=more.get("rate"))
    return Situation("echo", lanes, oldest, announcement, announced, more.get("flow"))


@pytest.mark.parametrize(
    ("found", "state"),
    [
        (situation(lane()), None),
        (situation(lane(queued=5, pulls=1)), None),
        (situation(lane(queued=5)), "no workers"),
        (situation(lane(queued=5, running=8)), "busy"),
        (situation(lane(queued=5, running=8), oldest=31), "slow"),
        (situation(lane(queued=5, running=8), lane(pulls=1, priority="high")), "busy"),
        (situation(lane(running=8), announced=59), None),
        (situation(lane(running=8), announced=61), "no workers"),
        (situation(lane(queued=5, running=8), announced=61), "no workers"),
        (situation(lane(running=8), lane(pulls=1, priority="high"), announced=61), None),
        (situation(lane(queued=5, running=8), announced=None), "busy"),
        (situation(lane(queued=5, running=10, pulls=1)), "stalled"),
        (situation(lane(queued=5, running=10, pulls=1, priority=None)), "at its limit"),
        (situation(lane(queued=0, running=10, pulls=1, priority=None)), None),
        (situation(lane(queued=5, paused=True)), "paused"),
        (situation(announced=1e6), "unused"),
        (situation(lane(), announced=61), "unused"),
        (situation(lane(pulls=1), announced=61), None),
    ],
)
def test_it_says_what_is_wrong(found: Situation, state: str | None) -> None:
    assert find_state(found).word == state


def test_a_reader_that_asks_for_nothing_does_not_run() -> None:
    reader = {"kind": None, "durable": "projector", "priority": None}
    assert reader_state(lane(**reader, pulls=1)).word is None
    assert reader_state(lane(**reader, idle_seconds=3.0)).word is None, "between two requests"
    assert reader_state(lane(**reader, idle_seconds=20.0, running=500)).word == "not running"
    assert "`nats consumer resume HEADRACE projector`" in str(reader_state(lane(**reader, pulls=1, paused=True)).hint)
    assert "the read model stands still" in str(reader_state(lane(**reader)).hint)


def test_a_slow_kind_is_told_with_what_arrives_and_what_starts() -> None:
    flow = Flow(seconds=300, queued=600, started=300)
    said = find_state(situation(lane(queued=900, running=8), oldest=200, flow=flow, rate=1.0)).hint
    assert said == (
        "slow: the oldest queued task has waited 3 min; 120 a minute are queued and 60 start; add workers; "
        "its rate is 1 a second"
    )
    flow = Flow(seconds=300, queued=0, started=300)
    said = find_state(situation(lane(queued=900, running=8), oldest=200, flow=flow)).hint
    assert said is not None
    assert said.endswith("done in about 15 min")
    said = find_state(situation(lane(queued=9, running=8), oldest=200)._replace(run_p50=15.0)).hint
    assert said == "slow: the oldest queued task has waited 3 min; half of them run for 15 s or more"


def test_what_was_delivered_again_is_told_although_nothing_else_is_wrong() -> None:
    state = find_state(situation(lane(running=3, redelivered=1, pulls=2)))
    assert state.word is None
    assert state.hint == "1 task is delivered again: a worker ended, or did not answer for 30 s"


def test_a_kind_whose_less_urgent_tasks_leave_slots_free_says_so() -> None:
    waits = (lane(queued=5, running=1, priority="low"), lane(pulls=2, priority="high"))
    kept = "free slots are kept for more urgent tasks"
    for oldest in (1, 31):
        assert kept in str(find_state(situation(*waits, oldest=oldest)).hint)
    assert kept not in str(find_state(situation(lane(queued=5, running=8), oldest=31)).hint)
