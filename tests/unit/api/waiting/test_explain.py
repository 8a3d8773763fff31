from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headrace.api.waiting.explain import AHEAD_MAX, Facts, count_ahead, explain_waiting
from headrace.contracts.tasks import Priority
from headrace.contracts.waiting import Waiting, Why
from headrace.log.consumer_names import run_consumer
from headrace.log.lane_states import LaneState

AT = datetime(2030, 1, 1, tzinfo=UTC)
HIGH, NORMAL, LOW = Priority


def lane(priority: Priority | None, **changed: Any) -> LaneState:
    known: dict[str, Any] = {
        "durable": run_consumer("echo", priority),
        "kind": "echo",
        "priority": priority,
        "queued": 0,
        "oldest_at": None,
        "running": 1,
        "running_max": 50_000,
        "redelivered": 0,
        "pulls": 1,
        "paused": False,
        "ack_wait": 30.0,
        "idle_seconds": 1.0,
        "asked_at": AT,
    }
    return LaneState(**known | changed)


def lanes(**queued: int) -> list[LaneState]:
    return [lane(each, queued=queued.get(each, 0)) for each in Priority]


def facts(**changed: Any) -> Facts:
    known = Facts(priority=NORMAL, due_in=0.0, lanes=lanes(), has_workers=True, rate=None, earlier={}, per_second=None)
    return known._replace(**changed)


def waiting(why: Why, ahead: int | None = None, eta: float | None = None, *, more: bool = False) -> Waiting:
    return Waiting(why=why, ahead=ahead, more_ahead=more, eta_seconds=eta)


FORSAKEN = [lane(NORMAL, running=0, pulls=0, idle_seconds=60.0, queued=4)]
FULL = [lane(None, running=2, running_max=2, queued=9, pulls=0)]


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (facts(due_in=12.34, lanes=None), waiting(Why.NOT_DUE, eta=12.3)),
        (facts(lanes=None, earlier={NORMAL: 3}), waiting(Why.LOG_AWAY)),
        (facts(lanes=[lane(NORMAL, paused=True)], earlier={NORMAL: 3}, per_second=2.0), waiting(Why.PAUSED, 3)),
        (facts(lanes=[], per_second=2.0), waiting(Why.NO_WORKERS)),
        (facts(has_workers=False, earlier={NORMAL: 3}, per_second=2.0), waiting(Why.NO_WORKERS, 3)),
        (facts(lanes=FORSAKEN, earlier={NORMAL: 3}), waiting(Why.NO_WORKERS, 3)),
        (facts(lanes=FULL, earlier={HIGH: 1, LOW: 2}, per_second=0.5), waiting(Why.LIMIT, 3, 8.0)),
        (facts(rate=10.0, per_second=9.5, earlier={NORMAL: 18}), waiting(Why.LIMIT, 18, 2.0)),
        (facts(rate=10.0, per_second=2.0), waiting(Why.BEHIND, 0, 0.5)),
        (facts(earlier={NORMAL: 9}, per_second=None), waiting(Why.BEHIND, 9)),
        (facts(has_workers=None, earlier={NORMAL: 9}, per_second=4.0), waiting(Why.BEHIND, 9, 2.5)),
        (facts(earlier={NORMAL: AHEAD_MAX}, per_second=4.0), waiting(Why.BEHIND, AHEAD_MAX, more=True)),
    ],
)
def test_the_first_reason_that_is_true_is_named_and_nothing_is_guessed(known: Facts, said: Waiting) -> None:
    assert explain_waiting(known) == said


def test_other_lanes_start_as_many_as_their_weight_says_while_a_task_waits_its_turn() -> None:
    many = lanes(high=100_000, normal=100_000, low=100_000)
    ahead = {each: count_ahead(facts(priority=each, lanes=many, earlier={each: 11})) for each in Priority}
    # Twelve turns of its own lane: of 12, 6 and 2 in 20 that start.
    assert {each: found.tasks for each, found in ahead.items() if found} == {
        HIGH: 11 + 6 + 2,
        NORMAL: 11 + 24 + 4,
        LOW: 11 + 72 + 36,
    }
    # Few that wait elsewhere are no more ahead than there are.
    few = lanes(high=5, low=0)
    assert count_ahead(facts(lanes=few, earlier={NORMAL: 11})) == (16, False)
    # A batch of low priority does not stand before a person.
    assert count_ahead(facts(priority=HIGH, lanes=lanes(low=100_000), earlier={LOW: 100})) == (0, False)


counts = st.integers(0, 3 * AHEAD_MAX)
any_lane = st.builds(
    lane,
    st.sampled_from(Priority),
    queued=counts,
    running=st.integers(0, 3),
    running_max=st.integers(0, 3),
    pulls=st.integers(0, 2),
    paused=st.booleans(),
    idle_seconds=st.none() | st.floats(0, 1e6),
)
single = st.builds(lane, st.none(), queued=counts, running=st.integers(0, 3), running_max=st.integers(0, 3))
any_facts = st.builds(
    Facts,
    priority=st.sampled_from(Priority),
    due_in=st.just(0.0) | st.floats(0, 1e8),
    lanes=st.none()
    | st.lists(any_lane, max_size=3, unique_by=lambda each: each.priority)
    | st.lists(single, max_size=1),
    has_workers=st.none() | st.booleans(),
    rate=st.none() | st.floats(0.0001, 1000),
    earlier=st.dictionaries(st.sampled_from(Priority), st.integers(0, AHEAD_MAX)),
    per_second=st.none() | st.floats(0.0001, 1e5),
)


@given(any_facts)
def test_whatever_is_known_there_is_a_reason_and_an_estimate_only_where_something_moves(known: Facts) -> None:
    said = explain_waiting(known)
    assert (said.why is Why.NOT_DUE) == (known.due_in > 0)
    assert said.ahead is None or said.ahead >= 0
    assert said.eta_seconds is None or said.eta_seconds >= 0
    if said.why in (Why.LOG_AWAY, Why.PAUSED, Why.NO_WORKERS) or said.more_ahead:
        assert said.eta_seconds is None
    if said.eta_seconds is not None and said.why is not Why.NOT_DUE:
        assert known.per_second
        assert said.ahead is not None


@given(any_facts, st.integers(1, 1000))
def test_who_comes_later_has_no_fewer_ahead(known: Facts, later: int) -> None:
    before = count_ahead(known)
    earlier = {**known.earlier, known.priority: known.earlier.get(known.priority, 0) + later}
    after = count_ahead(known._replace(earlier=earlier))
    assert (before is None) == (after is None)
    if before is not None and after is not None:
        assert after.tasks >= before.tasks
        assert after.has_more >= before.has_more
