"""How free slots are dealt to the lanes of a kind."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import cast

from headrace.contracts.tasks import Priority
from headrace.log.lanes import Lane as LaneConsumer
from headrace.log.pull import Puller
from headrace.worker.lane import WEIGHTS, Lane, deal_slots

IDLE_PULL = 8


def lanes(**waiting: int) -> list[Lane]:
    """A lane for each priority, with so many records waiting."""
    return [
        Lane(
            cast("Puller", SimpleNamespace(outstanding=0)),
            LaneConsumer(
                durable=f"run-echo-{priority}",
                priority=priority,
                created=datetime.now(UTC),
                waiting=waiting.get(str(priority), 0),
            ),
        )
        for priority in Priority
    ]


def by_priority(made: list[Lane], shares: dict[Lane, int]) -> dict[str, int]:
    return {str(priority): shares.get(lane, 0) for priority, lane in zip(Priority, made, strict=True)}


def test_idle_lanes_pull_a_few_records_each() -> None:
    made = lanes()
    assert set(deal_slots(64, made, IDLE_PULL).values()) == {IDLE_PULL}
    assert deal_slots(2, made, IDLE_PULL).keys() == set(made[:2]), "no more lanes than there are slots"
    assert deal_slots(0, made, IDLE_PULL) == {}


def test_busy_lanes_share_by_weight_and_none_starves() -> None:
    made = lanes(high=10_000, normal=10_000, low=10_000)
    total: Counter[Lane] = Counter()
    for _ in range(100):
        total.update(deal_slots(20, made, IDLE_PULL))
    weights = sum(WEIGHTS.values())
    for lane in made:
        assert abs(total[lane] - 2000 * lane.weight / weights) <= 20


def test_a_lone_busy_lane_has_the_slots_that_the_idle_ones_leave() -> None:
    made = lanes(low=100)
    assert by_priority(made, deal_slots(64, made, IDLE_PULL)) == {"high": 1, "normal": 1, "low": 62}


def test_a_busy_lane_pulls_no_more_than_waits_in_it() -> None:
    made = lanes(normal=20)
    assert by_priority(made, deal_slots(64, made, IDLE_PULL))["normal"] == 20


def test_a_lane_that_was_idle_has_saved_up_no_claim() -> None:
    made = lanes(low=10_000)
    for _ in range(50):
        deal_slots(20, made, IDLE_PULL)
    high, _, low = made
    high.waiting = 10_000
    total: Counter[Lane] = Counter()
    for _ in range(20):
        total.update(deal_slots(20, made, IDLE_PULL))
    assert total[low] >= 30, "had it saved up a claim, the high lane would have all of these"


def test_a_lane_that_rests_or_has_a_pull_open_or_no_consumer_is_dealt_nothing() -> None:
    made = lanes(high=10, normal=10, low=10)
    made[0].resting = True
    made[1].gone = True
    made[2].puller.outstanding = 1
    assert deal_slots(64, made, IDLE_PULL) == {}
