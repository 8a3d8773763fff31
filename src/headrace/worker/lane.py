"""A lane: one consumer of a kind, and how the free slots of the kind are dealt to its lanes.

Slots are dealt by stride scheduling (Waldspurger and Weihl, 1995): the ``passed`` of a lane grows by the number of records it
pulls over its weight, and the lane with the least ``passed`` is next.
"""

from __future__ import annotations

from collections import Counter

from headrace.contracts.tasks import Priority
from headrace.log.lanes import WEIGHTS
from headrace.log.lanes import Lane as LaneConsumer
from headrace.log.pull import Puller


class Lane:
    """One consumer of a kind.

    Attributes:
        puller: Pulls from the consumer.
        weight: The lane's share of the starts, relative to the other lanes of the kind.
        low_priority: Whether its tasks are of low priority.
        created: When the consumer was made. Another consumer may have delivered records older than this.
        passed: Records pulled, divided by the weight; the lane with the least goes next.
        waiting: How many records wait behind the last one that was delivered.
        resting: Whether the throttle has it wait before it pulls the next portion.
        gone: Whether the server says that the consumer does not exist.
    """

    def __init__(self, puller: Puller, consumer: LaneConsumer) -> None:
        self.puller = puller
        self.weight = 1 if consumer.priority is None else WEIGHTS[consumer.priority]
        self.low_priority = consumer.priority is Priority.LOW
        self.created = consumer.created
        self.passed = 0.0
        self.waiting = consumer.waiting
        self.resting = False
        self.gone = False

    @property
    def is_ready(self) -> bool:
        """Whether the lane may pull now."""
        return self.puller.outstanding == 0 and not self.gone and not self.resting


def deal_slots(free: int, lanes: list[Lane], idle_pull: int) -> dict[Lane, int]:
    """Deal free slots: to each idle lane a few at most, the rest by weight to the lanes that have records waiting.

    Args:
        free: How many slots are free.
        lanes: All lanes of the kind; only those that are ready are dealt slots.
        idle_pull: How many records an idle lane pulls at most, and a busy lane may pull even if fewer records are known to wait.

    Returns:
        How many records each lane pulls.
    """
    shares: Counter[Lane] = Counter()
    ready = [lane for lane in lanes if lane.is_ready]
    idle = [lane for lane in ready if not lane.waiting]
    busy = [lane for lane in ready if lane.waiting]
    least_passed = min((lane.passed for lane in lanes if lane.waiting), default=0.0)
    for lane in idle:
        # An idle lane saves up no claim to slots in the future.
        lane.passed = max(lane.passed, least_passed)
    for lane in idle[: max(0, free)]:
        shares[lane] = 1 if busy else max(1, min(idle_pull, free // len(idle)))
    for _ in range(free - shares.total()):
        if not busy:
            break
        lane = min(busy, key=lambda lane: lane.passed)
        lane.passed += 1 / lane.weight
        shares[lane] += 1
        if shares[lane] == max(lane.waiting, idle_pull):
            busy.remove(lane)
    return shares
